#include "support/conversation.hpp"

#include "wire/client_messages.hpp"
#include "wire/writer.hpp"

#include <cstdlib>

namespace ashlar::test {

namespace {

wire::target_message target(bool portal, std::string_view name) {
    wire::target_message m;
    m.what = portal ? wire::target_message::kind::portal : wire::target_message::kind::statement;
    m.name = name;
    return m;
}

// int4 or int8 in network order; anything else as it is.
std::string in_binary(const std::string& text, std::uint32_t type) {
    const std::size_t width = type == 20 ? 8 : type == 23 ? 4 : 0;
    if (width == 0) return text;
    const std::uint64_t n = std::strtoull(text.c_str(), nullptr, 10);
    std::string out;
    for (std::size_t i = 0; i < width; ++i) out += static_cast<char>(n >> (8 * (width - 1 - i)));
    return out;
}

std::string function_call(std::uint32_t function) {
    std::string out;
    wire::writer w{out};
    const auto begun = w.begin('F');
    w.u32(function);
    w.u16(0);  // formats
    w.u16(0);  // arguments
    w.u16(0);  // the result's format
    w.end(begun);
    return out;
}

}  // namespace

conversation_maker::conversation_maker(std::uint64_t seed, options how) : how_(how), texts_(seed, how.dialect) {}

std::string conversation_maker::mark() {
    std::string out;
    wire::write_sync(out);
    for (std::size_t i = 0; i < mark_closes; ++i) wire::write_close(out, target(false, "the mark"));
    wire::write_sync(out);
    return out;
}

std::vector<segment> conversation_maker::make() {
    std::vector<segment> out(1 + texts_.below(how_.segments_max));
    for (segment& each : out) {
        unsynced_ = false;
        const std::size_t acts = 1 + texts_.below(how_.acts_max);
        while (each.size() < acts) {
            switch (texts_.below(9)) {
                case 0:
                case 1:
                case 2:
                    add_query(each);
                    break;
                case 3:
                case 4:
                case 5:
                case 6:
                    add_extended(each);
                    break;
                default:
                    add_anything(each);
                    break;
            }
        }
        if (how_.may_leave && texts_.once_in(40)) {
            std::string part;
            wire::write_query(part, "select 'half of it'");
            switch (texts_.below(3)) {
                case 0:
                    wire::write_terminate(part = {});
                    add(each, act::kind::terminate, part, "Terminate");
                    break;
                case 1:
                    add(each, act::kind::half, part.substr(0, 1 + texts_.below(part.size() - 1)), "half a Query");
                    break;
                default:
                    add(each, act::kind::hang_up, {}, "reset");
                    break;
            }
        }
    }
    return out;
}

void conversation_maker::add(segment& to, act::kind what, std::string bytes, std::string text) {
    if (how_.syncs_before_query && unsynced_ && (what == act::kind::query || what == act::kind::function_call)) {
        std::string sync;
        wire::write_sync(sync);
        add(to, act::kind::sync, sync, "Sync");
    }
    unsynced_ = what == act::kind::execute || (unsynced_ && what != act::kind::sync);
    act one;
    one.what = what;
    one.bytes = std::move(bytes);
    one.text = std::move(text);
    to.push_back(std::move(one));
}

void conversation_maker::add_query(segment& to) {
    if (texts_.once_in(25)) return add_copy(to, false);
    const std::string sql = texts_.query();
    std::string bytes;
    wire::write_query(bytes, sql);
    add(to, act::kind::query, bytes, "Query " + sql);
    to.back().waits = texts_.once_in(4);
}

void conversation_maker::parse(segment& to, const std::string& name) {
    prepared_text made = texts_.with_parameters();
    std::vector<std::uint32_t> types;
    switch (texts_.below(6)) {
        case 0:
            types = {25, 25};
            break;
        case 1:
            types = {0};
            break;
        case 2:
            if (texts_.once_in(4)) types = {99'999};
            break;
        case 3:
        case 4:
            types = made.types;
            break;
        default:
            break;
    }
    std::string bytes;
    wire::write_parse(bytes, name, made.sql, types);
    std::string text = "Parse \"" + name + "\" " + made.sql + " types";
    for (const std::uint32_t each : types) text += ' ' + std::to_string(each);
    add(to, act::kind::parse, bytes, text);
    prepared_[name] = std::move(made);
}

void conversation_maker::bind(segment& to, const std::string& portal, const std::string& name) {
    const prepared_text& made = prepared_[name];
    std::vector<std::string> values;
    std::vector<cell_format> formats;
    for (std::size_t i = 0; i < made.parameters.size(); ++i) {
        const bool binary = texts_.once_in(3);
        formats.push_back(binary ? cell_format::binary : cell_format::text);
        values.push_back(binary ? in_binary(made.parameters[i], made.types[i]) : made.parameters[i]);
    }
    if (texts_.once_in(25)) values.emplace_back("1");
    if (texts_.once_in(25) && !values.empty()) values.pop_back();
    if (texts_.once_in(25) && !values.empty()) values.back() = "\1\2\3";
    if (texts_.once_in(12)) formats.clear();
    if (texts_.once_in(12)) formats = {cell_format::binary};
    if (texts_.once_in(40)) formats = {cell_format::text, cell_format::text, cell_format::binary, cell_format::text};
    std::vector<cell_format> results;
    if (texts_.once_in(3)) results = {texts_.once_in(2) ? cell_format::binary : cell_format::text};
    if (texts_.once_in(25)) results = {cell_format::text, cell_format::binary};
    std::vector<cell> cells;
    for (const std::string& each : values) cells.emplace_back(each);
    if (texts_.once_in(15) && !cells.empty()) cells.front() = std::nullopt;
    std::string bytes;
    wire::write_bind(bytes, portal, name, formats, cells, results);
    std::string text = "Bind \"" + portal + "\" to \"" + name + "\":";
    for (std::size_t i = 0; i < cells.size(); ++i) {
        const bool binary = formats.size() == 1 ? formats[0] == cell_format::binary
                                                : i < formats.size() && formats[i] == cell_format::binary;
        text += !cells[i] ? " NULL" : binary ? " (binary)" : " '" + std::string{*cells[i]} + "'";
    }
    text += " formats " + std::to_string(formats.size()) + ", results";
    for (const cell_format each : results) text += each == cell_format::binary ? " b" : " t";
    add(to, act::kind::bind, bytes, text);
}

void conversation_maker::describe(segment& to, bool portal, const std::string& name) {
    std::string bytes;
    wire::write_describe(bytes, target(portal, name));
    add(to, portal ? act::kind::describe_portal : act::kind::describe_statement, bytes,
        std::string{"Describe "} + (portal ? "portal" : "statement") + " \"" + name + '"');
}

void conversation_maker::close(segment& to, bool portal, const std::string& name) {
    std::string bytes;
    wire::write_close(bytes, target(portal, name));
    add(to, act::kind::close, bytes, std::string{"Close "} + (portal ? "portal" : "statement") + " \"" + name + '"');
}

void conversation_maker::execute(segment& to, const std::string& portal) {
    const std::uint32_t rows = texts_.once_in(3) ? static_cast<std::uint32_t>(1 + texts_.below(4)) : 0;
    std::string bytes;
    wire::write_execute(bytes, portal, rows);
    add(to, act::kind::execute, bytes, "Execute \"" + portal + "\" rows " + std::to_string(rows));
}

void conversation_maker::end_pipeline(segment& to) {
    std::string bytes;
    switch (texts_.below(4)) {
        case 0:
            wire::write_flush(bytes);
            add(to, act::kind::flush, bytes, "Flush");
            to.back().waits = texts_.once_in(2);
            return;
        case 1:
        case 2:
            wire::write_sync(bytes);
            add(to, act::kind::sync, bytes, "Sync");
            to.back().waits = texts_.once_in(3);
            return;
        default:
            return;
    }
}

void conversation_maker::add_extended(segment& to) {
    if (texts_.once_in(25)) return add_copy(to, true);
    const std::string name = a_statement_name();
    const std::string portal = texts_.any({"", "", "p1", "p2"});
    if (texts_.once_in(4) && !name.empty()) close(to, false, name);
    if (!prepared_.contains(name) || !texts_.once_in(4)) parse(to, name);
    const bool copies = prepared_[name].copies_in;
    if (texts_.once_in(3)) {
        describe(to, false, name);
        end_pipeline(to);
    }
    bind(to, portal, name);
    if (texts_.once_in(2)) describe(to, true, portal);
    if (texts_.once_in(6)) end_pipeline(to);
    execute(to, portal);
    if (copies) {
        to.back().asks_for_rows = true;
        feed_copy(to);
    }
    if (texts_.once_in(5)) execute(to, portal);
    if (texts_.once_in(5)) close(to, true, portal);
    end_pipeline(to);
}

// Mostly to its end. What is fed to no COPY is ignored.
void conversation_maker::feed_copy(segment& to) {
    std::string bytes;
    if (texts_.once_in(8)) {  // a Sync right behind the Execute, as some drivers do it
        wire::write_sync(bytes);
        add(to, act::kind::sync, bytes, "Sync");
    }
    for (std::size_t parts = texts_.below(4); parts > 0; --parts) {
        bytes.clear();
        const std::string rows = texts_.copy_rows();
        wire::write_client_copy_data(bytes, rows);
        add(to, act::kind::copy_data, bytes, "CopyData " + (rows.size() < 60 ? rows : std::string{"(long)"}));
        if (texts_.once_in(6)) {
            bytes.clear();
            wire::write_flush(bytes);
            add(to, act::kind::flush, bytes, "Flush");
        }
    }
    bytes.clear();
    if (texts_.once_in(12)) return;  // left open: the next message is out of place
    if (texts_.once_in(3)) {
        wire::write_copy_fail(bytes, "no more");
        add(to, act::kind::copy_fail, bytes, "CopyFail");
    } else {
        wire::write_client_copy_done(bytes);
        add(to, act::kind::copy_done, bytes, "CopyDone");
    }
}

void conversation_maker::add_copy(segment& to, bool extended) {
    if (!extended) {
        const std::string sql = texts_.once_in(4) ? texts_.copy_in() + "; " + texts_.statement() : texts_.copy_in();
        std::string bytes;
        wire::write_query(bytes, sql);
        add(to, act::kind::query, bytes, "Query " + sql);
        to.back().asks_for_rows = true;
        return feed_copy(to);
    }
    prepared_text made;
    made.sql = texts_.copy_in();
    made.copies_in = true;
    std::string bytes;
    wire::write_parse(bytes, "", made.sql, {});
    add(to, act::kind::parse, bytes, "Parse \"\" " + made.sql);
    prepared_[""] = std::move(made);
    bind(to, "", "");
    execute(to, "");
    to.back().asks_for_rows = true;
    feed_copy(to);
    bytes.clear();
    wire::write_sync(bytes);
    add(to, act::kind::sync, bytes, "Sync");
}

void conversation_maker::add_anything(segment& to) {
    std::string bytes;
    switch (texts_.below(14)) {
        case 0:
            return parse(to, a_statement_name());
        case 1:
        case 2: {
            const std::string name = a_statement_name();
            return bind(to, texts_.any({"", "p1", "p2"}), name);
        }
        case 3:
            return describe(to, texts_.once_in(2), texts_.once_in(2) ? a_statement_name() : a_portal_name());
        case 4:
        case 5:
        case 6: {
            // A COPY may hide behind the name: what it wants comes along, and is ignored if it does not.
            execute(to, a_portal_name());
            for (const auto& [name, made] : prepared_) {
                if (!made.copies_in) continue;
                to.back().asks_for_rows = true;
                return feed_copy(to);
            }
            return;
        }
        case 7:
            return close(to, texts_.once_in(2), texts_.once_in(2) ? a_statement_name() : a_portal_name());
        case 8:
            wire::write_flush(bytes);
            return add(to, act::kind::flush, bytes, "Flush");
        case 9:
        case 10:
            wire::write_sync(bytes);
            return add(to, act::kind::sync, bytes, "Sync");
        case 11:
            wire::write_client_copy_data(bytes, "nobody asked");
            add(to, act::kind::copy_data, bytes, "CopyData out of place");
            bytes.clear();
            wire::write_copy_fail(bytes, "nobody asked");
            return add(to, act::kind::copy_fail, bytes, "CopyFail out of place");
        case 12:
            if (texts_.once_in(4)) return add(to, act::kind::function_call, function_call(1598), "FunctionCall");
            return;
        default:
            if (how_.may_cancel && texts_.once_in(2)) add(to, act::kind::cancel, {}, "CancelRequest");
            return;
    }
}

}  // namespace ashlar::test
