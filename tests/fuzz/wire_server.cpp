// What a hostile server may send: every decoder, the rows of a batch, and the login.
#include "wire/error_fields.hpp"
#include "wire/frame_walker.hpp"
#include "wire/login.hpp"
#include "wire/server_messages.hpp"

#include <cstdlib>

using namespace ashlar;
using namespace ashlar::wire;

namespace {

void check_row(std::string_view body, row_batch& batch) {
    for (const std::size_t width : {std::size_t{0}, std::size_t{1}, std::size_t{3}}) {
        batch.clear();
        if (!read_data_row(body, width, batch)) {
            if (!batch.empty() || batch.byte_size() != 0) std::abort();
            continue;
        }
        std::string again;
        write_data_row(again, batch, 0);
        if (width > 0 && std::string_view{again}.substr(5) != body) std::abort();
    }
}

void check_error(std::string_view body) {
    const auto said = read_error_fields(body);
    if (!said) return;
    std::string out;
    write_error(out, error{errc::server_error}.server(*said));
    server_report changed = *said;
    changed.raw.clear();
    write_error(out, error{errc::server_error}.server(changed), severity::fatal);
    write_notice(out, changed);
}

void decode(const frame& f, row_batch& batch) {
    switch (f.type) {
        case server_says::authentication:
            if (const auto m = read_authentication(f.body)) (void)read_sasl_mechanisms(m->data);
            break;
        case server_says::backend_key_data:
            (void)read_backend_key_data(f.body);
            break;
        case server_says::parameter_status:
            (void)read_parameter_status(f.body);
            break;
        case server_says::ready_for_query:
            (void)read_ready_for_query(f.body);
            break;
        case server_says::row_description:
            if (const auto shape = read_row_description(f.body)) {
                std::string again;
                write_row_description(again, *shape);
                if (std::string_view{again}.substr(5) != f.body) std::abort();
            }
            break;
        case server_says::parameter_description:
            (void)read_parameter_description(f.body);
            break;
        case server_says::command_complete:
            if (const auto tag = read_command_complete(f.body)) (void)rows_of_tag(*tag);
            break;
        case server_says::notification:
            (void)read_notification(f.body);
            break;
        case server_says::copy_in:
        case server_says::copy_out:
            (void)read_copy_response(f.body);
            break;
        case server_says::data_row:
            check_row(f.body, batch);
            break;
        case server_says::error_response:
        case server_says::notice_response:
            check_error(f.body);
            break;
        default:
            break;
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view stream{reinterpret_cast<const char*>(data), size};
    row_batch batch;
    frame_walker walker{type_set::all()};
    for (std::string_view rest = stream; auto f = walker.next(rest);) {
        if (f->which == frame::part::whole) decode(*f, batch);
    }

    login in{{"ann", "pencil", size % 2 == 0}, "nonce"};
    frame_walker again{type_set::all()};
    std::string out;
    for (std::string_view rest = stream; auto f = again.next(rest);) {
        if (f->which != frame::part::whole) break;
        const auto step = in.take(f->type, f->body, out);
        if (!step || *step == login::step::logged_in) break;
        if (*step == login::step::need_keys) {
            scram_keys keys;  // made up: deriving real ones would be all that is measured
            keys.client_key.fill(1);
            keys.server_key.fill(2);
            in.give_keys(keys, out);
        }
    }
    return 0;
}
