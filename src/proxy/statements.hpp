// statements.hpp: the statements and portals of one client, by the names that it gave them. Pure.
//
// What a name stands for is the client's own affair; what servers have prepared is shared between clients and kept with the
// connection (server_prepared). Unknown and doubled names are errors which leave the session alive (TRAPS 5).
//
// Memory    Texts and their plans, and the parameters of portals, count on the client's account. A text that several clients
//           of a worker have named counts for the first of them; when it lets go of the text, for the next.
#pragma once

#include "core/memory_bound.hpp"
#include "core/result_formats.hpp"
#include "execute/executor.hpp"
#include "proxy/plan_cache.hpp"

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace ashlar::proxy {

// A statement bound to its parameters.
struct portal {
    std::shared_ptr<known_statement> statement;
    std::vector<cell_format> parameter_formats;
    result_formats results;
    std::vector<std::optional<std::string>> parameters;  // kept only for what is not relayed
    bool relayed = false;                                // it lives on a server, under the client's name
    std::size_t target = 0;                              // relayed: on which

    // Merged answers, once they have begun.
    std::unique_ptr<execute::answer> answer;
    row_batch rows;  // of it, fetched and not yet sent
    std::size_t next_row = 0;
    bool at_end = false;
    bool done = false;  // ran to completion: once more gives nothing
    std::uint64_t sent = 0;
    std::uint64_t charged = 0;  // bytes on the client's account, by keep_parameters()

    std::vector<route::bound_parameter> bound() const;
};

class statements {
public:
    static constexpr std::size_t named_max = 10'000;  // of each kind, by client

    // `account`: outlives it; nullptr: nothing is counted.
    explicit statements(memory_account* account = nullptr) noexcept : charge_(account) {}
    ~statements() { close_all(); }
    statements(const statements&) = delete;
    statements& operator=(const statements&) = delete;

    // Fails with 42P05 when the name is taken, limit_reached when there are too many, memory_exhausted when the client would
    // hold more than it may. The unnamed one is replaced.
    status add(std::string_view name, std::shared_ptr<known_statement> what);
    // Fails with 26000.
    result<std::shared_ptr<known_statement>> find(std::string_view name) const;
    void close(std::string_view name);
    std::shared_ptr<known_statement> peek(std::string_view name) const;           // nullptr: there is none
    void put_back(std::string_view name, std::shared_ptr<known_statement> what);  // nullptr: there was none
    std::size_t named() const noexcept { return named_.size(); }
    void close_all();
    std::uint64_t bytes() const noexcept { return bytes_; }  // on the client's account

    // Fails with 42P03 when the name is taken.
    result<portal*> add_portal(std::string_view name);
    portal* find_portal(std::string_view name);  // nullptr: 34000
    void close_portal(std::string_view name);
    void close_portals();
    void erase_portals();  // the unnamed one's memory too
    std::map<std::string, portal, std::less<>>& portals() noexcept { return portals_; }
    // Copies what the Bind gave. Fails with memory_exhausted.
    status keep_parameters(portal& of, const std::vector<cell>& given);

private:
    void take(const std::shared_ptr<known_statement>& what);
    void release(const std::shared_ptr<known_statement>& what);
    status charge(std::uint64_t more);
    void inherit(std::uint64_t bytes) noexcept;
    void discharge(std::uint64_t bytes) noexcept;
    void replace_unnamed(std::shared_ptr<known_statement> what);

    memory_part charge_;
    std::uint64_t bytes_ = 0;
    std::map<std::string, std::shared_ptr<known_statement>, std::less<>> named_;
    std::shared_ptr<known_statement> unnamed_;
    std::map<std::string, portal, std::less<>> portals_;
    std::map<std::string, portal, std::less<>>::node_type spare_;  // the unnamed portal's memory, for the next one
};

}  // namespace ashlar::proxy
