// message_types.hpp: the first byte of each message of protocol 3.0, by who says it.
#pragma once

#include <cstdint>
#include <initializer_list>

namespace ashlar::wire {

namespace client_says {
inline constexpr char bind = 'B', close = 'C', copy_data = 'd', copy_done = 'c', copy_fail = 'f', describe = 'D',
                      execute = 'E', flush = 'H', function_call = 'F', parse = 'P', query = 'Q', sync = 'S',
                      terminate = 'X',
                      password = 'p';  // a password, or a step of SASL
}  // namespace client_says

namespace server_says {
inline constexpr char authentication = 'R', backend_key_data = 'K', bind_complete = '2', close_complete = '3',
                      command_complete = 'C', copy_data = 'd', copy_done = 'c', copy_in = 'G', copy_out = 'H',
                      copy_both = 'W', data_row = 'D', empty_query = 'I', error_response = 'E', function_result = 'V',
                      negotiate_version = 'v', no_data = 'n', notice_response = 'N', notification = 'A',
                      parameter_description = 't', parameter_status = 'S', parse_complete = '1', portal_suspended = 's',
                      ready_for_query = 'Z', row_description = 'T';
}  // namespace server_says

// The byte of ReadyForQuery.
enum class transaction_state : char { idle = 'I', in_transaction = 'T', failed = 'E' };

// A set of message types.
class type_set {
public:
    constexpr type_set() noexcept = default;
    constexpr type_set(std::initializer_list<char> types) noexcept {
        for (const char t : types) add(t);
    }
    constexpr void add(char type) noexcept { half(type) |= bit(type); }
    constexpr bool has(char type) const noexcept {
        const auto n = static_cast<unsigned char>(type);
        return n < 128 && ((n < 64 ? low_ : high_) & bit(type)) != 0;
    }
    static constexpr type_set all() noexcept {
        type_set s;
        s.low_ = s.high_ = ~std::uint64_t{0};
        return s;
    }

private:
    static constexpr std::uint64_t bit(char type) noexcept {
        return std::uint64_t{1} << (static_cast<unsigned char>(type) & 63);
    }
    constexpr std::uint64_t& half(char type) noexcept { return static_cast<unsigned char>(type) < 64 ? low_ : high_; }
    std::uint64_t low_ = 0, high_ = 0;
};

}  // namespace ashlar::wire
