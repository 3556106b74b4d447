#include "driver/zero_bytes.hpp"

namespace ashlar::driver {

status check_zero_bytes(std::string_view sql) {
    if (sql.find('\0') == std::string_view::npos) return {};
    return error{errc::syntax, "the statement has a zero byte"};
}

status check_zero_bytes(const statement& what) {
    if (status text = check_zero_bytes(what.sql); !text) return text;
    for (std::size_t i = 0; i < what.parameters.size(); ++i) {
        const parameter& p = what.parameters[i];
        if (p.format != cell_format::text || !p.bytes || p.bytes->find('\0') == std::string::npos) continue;
        return error{errc::bad_value, "parameter $" + std::to_string(i + 1) + " is a text with a zero byte"}
            .sqlstate("22021")
            .hint("Texts cannot hold one. Pass the value as ashlar::bytes, into a column of bytea.");
    }
    return {};
}

}  // namespace ashlar::driver
