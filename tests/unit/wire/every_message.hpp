// every_message.hpp: one good example of each message, with its decoder reduced to "does it take this body?".
#pragma once

#include "wire/client_messages.hpp"
#include "wire/error_fields.hpp"
#include "wire/server_messages.hpp"

#include <functional>
#include <string>
#include <vector>

namespace ashlar::wire::test {

struct example {
    std::string name;
    std::string message;  // with type and length
    std::function<bool(std::string_view)> takes;
    bool any_prefix_may_do = false;  // ends with bytes of free length
};

template <class F>
example make(std::string name, F write, std::function<bool(std::string_view)> takes, bool free_end = false) {
    example e{std::move(name), {}, std::move(takes), free_end};
    write(e.message);
    return e;
}

inline std::vector<example> client_examples() {
    const std::vector<std::uint32_t> types{20, 25};
    const std::vector<cell> cells{cell{"7"}, std::nullopt, cell{""}};
    const std::vector<cell_format> each{cell_format::text, cell_format::binary, cell_format::text};
    const std::vector<cell_format> one{cell_format::binary};
    const target_message portal{target_message::kind::portal, "p"};
    const target_message statement{target_message::kind::statement, "s"};
    auto ok = [](auto read) { return [read](std::string_view b) { return read(b).has_value(); }; };
    return {
        make(
            "Query", [](auto& o) { write_query(o, "select 1"); }, ok(read_query)),
        make(
            "Parse", [&](auto& o) { write_parse(o, "s", "select $1, $2", types); }, ok(read_parse)),
        make(
            "Bind", [&](auto& o) { write_bind(o, "p", "s", each, cells, one); }, ok(read_bind)),
        make(
            "Describe", [&](auto& o) { write_describe(o, portal); }, ok(read_describe)),
        make(
            "Close", [&](auto& o) { write_close(o, statement); }, ok(read_close)),
        make(
            "Execute", [](auto& o) { write_execute(o, "p", 10); }, ok(read_execute)),
        make(
            "CopyFail", [](auto& o) { write_copy_fail(o, "no more"); }, ok(read_copy_fail)),
        make(
            "PasswordMessage", [](auto& o) { write_password(o, "secret"); }, ok(read_password)),
        make(
            "SASLInitialResponse", [](auto& o) { write_sasl_initial(o, "SCRAM-SHA-256", "n,,n=,r=x"); },
            ok(read_sasl_initial)),
    };
}

inline std::vector<example> server_examples() {
    columns shape(2);
    shape[0] = column{"id", oid::int8, -1, 8, 16384, 1, cell_format::binary};
    shape[1].name = "name";
    const std::vector<std::uint32_t> types{20, 25};
    const std::vector<cell> cells{cell{"7"}, std::nullopt};
    const cancel_key key{4711, "\x01\x02\x03\x04"};
    const copy_message copy{cell_format::text, {cell_format::text, cell_format::text}};
    const error problem = error{errc::pool_timeout, "no connection came free"}.hint("Raise it.");
    auto ok = [](auto read) { return [read](std::string_view b) { return read(b).has_value(); }; };
    return {
        make(
            "Authentication", [](auto& o) { write_authentication_ok(o); }, ok(read_authentication)),
        make(
            "AuthenticationSASLContinue", [](auto& o) { write_authentication_sasl_continue(o, "r=x"); },
            ok(read_authentication), true),
        make(
            "BackendKeyData", [&](auto& o) { write_backend_key_data(o, key); }, ok(read_backend_key_data)),
        make(
            "ParameterStatus", [](auto& o) { write_parameter_status(o, "TimeZone", "UTC"); },
            ok(read_parameter_status)),
        make(
            "ReadyForQuery", [](auto& o) { write_ready_for_query(o, transaction_state::failed); },
            ok(read_ready_for_query)),
        make(
            "RowDescription", [&](auto& o) { write_row_description(o, shape); }, ok(read_row_description)),
        make(
            "ParameterDescription", [&](auto& o) { write_parameter_description(o, types); },
            ok(read_parameter_description)),
        make(
            "DataRow", [&](auto& o) { write_data_row(o, cells); },
            [](std::string_view b) {
                row_batch into;
                return read_data_row(b, 2, into).has_value();
            }),
        make(
            "CommandComplete", [](auto& o) { write_command_complete(o, "INSERT 0 3"); }, ok(read_command_complete)),
        make(
            "NotificationResponse",
            [](auto& o) {
                write_notification(o, {4711, "news", "hello"});
            },
            ok(read_notification)),
        make(
            "CopyInResponse", [&](auto& o) { write_copy_response(o, server_says::copy_in, copy); },
            ok(read_copy_response)),
        make(
            "ErrorResponse", [&](auto& o) { write_error(o, problem); }, ok(read_error_fields)),
        make(
            "NoticeResponse", [](auto& o) { write_notice(o, severity::notice, "00000", "hello"); },
            ok(read_error_fields)),
    };
}

// A message's body.
inline std::string_view body_of(const std::string& message) {
    return std::string_view{message}.substr(5);
}

}  // namespace ashlar::wire::test
