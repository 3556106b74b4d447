// What a client may send: frames walked in chunks, each body given to its decoder, what is understood written again.
#include "wire/client_messages.hpp"
#include "wire/frame_walker.hpp"

#include <cstdlib>

using namespace ashlar;
using namespace ashlar::wire;

namespace {

void check_bind(std::string_view body) {
    const auto m = read_bind(body);
    if (!m) return;
    for (std::size_t i = 0; i < m->parameters.size(); ++i) (void)m->format_of_parameter(i);
    std::string again;
    write_bind(again, m->portal, m->statement, m->parameter_formats, m->parameters, m->result_formats);
    if (std::string_view{again}.substr(5) != body) std::abort();
}

void check_parse(std::string_view body) {
    const auto m = read_parse(body);
    if (!m) return;
    std::string again;
    write_parse(again, m->statement, m->sql, m->types);
    if (std::string_view{again}.substr(5) != body) std::abort();
}

void decode(const frame& f) {
    switch (f.type) {
        case client_says::query:
            (void)read_query(f.body);
            break;
        case client_says::parse:
            check_parse(f.body);
            break;
        case client_says::bind:
            check_bind(f.body);
            break;
        case client_says::describe:
            (void)read_describe(f.body);
            break;
        case client_says::close:
            (void)read_close(f.body);
            break;
        case client_says::execute:
            (void)read_execute(f.body);
            break;
        case client_says::copy_fail:
            (void)read_copy_fail(f.body);
            break;
        case client_says::password:
            (void)read_password(f.body);
            (void)read_sasl_initial(f.body);
            break;
        default:
            (void)read_empty(f.body);
            break;
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    // The first byte says in which chunks the rest arrives.
    const std::size_t chunk_size = data[0] == 0 ? size : data[0];
    std::string_view stream{reinterpret_cast<const char*>(data) + 1, size - 1};
    frame_walker split{type_set::all(), 512};
    frame_walker once{type_set::all(), 512};
    std::size_t frames = 0, frames_once = 0;
    for (std::string_view all = stream; auto f = once.next(all);) {
        ++frames_once;
        if (f->which == frame::part::whole) decode(*f);
    }
    while (!stream.empty()) {
        std::string chunk{stream.substr(0, chunk_size)};
        stream.remove_prefix(chunk.size());
        std::string_view rest = chunk;
        while (auto f = split.next(rest)) {
            ++frames;
            if (f->which == frame::part::whole && f->body.size() != f->size) std::abort();
        }
    }
    if (frames != frames_once || split.broken() != once.broken()) std::abort();
    if (!split.broken() && split.at_boundary() != once.at_boundary()) std::abort();
    return 0;
}
