// script.hpp: the messages of a client in a row, to be sent at once.
//
//     script{}.parse("", "select $1").bind("", "", {"7"}).execute("").sync().play(client)
#pragma once

#include "support/raw_client.hpp"
#include "wire/client_messages.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace ashlar::test {

class script {
public:
    script& query(std::string_view sql) { return wire::write_query(out_, sql), ++turns_, *this; }
    script& parse(std::string_view name, std::string_view sql, std::vector<std::uint32_t> types = {}) {
        return wire::write_parse(out_, name, sql, types), *this;
    }
    script& bind(std::string_view portal, std::string_view statement, std::vector<cell> values = {},
                 std::vector<cell_format> results = {}) {
        return wire::write_bind(out_, portal, statement, {}, values, results), *this;
    }
    script& describe(char what, std::string_view name) {
        wire::target_message m;
        m.what = static_cast<wire::target_message::kind>(what);
        m.name = name;
        return wire::write_describe(out_, m), *this;
    }
    script& close(char what, std::string_view name) {
        wire::target_message m;
        m.what = static_cast<wire::target_message::kind>(what);
        m.name = name;
        return wire::write_close(out_, m), *this;
    }
    script& execute(std::string_view portal, std::uint32_t rows = 0) {
        return wire::write_execute(out_, portal, rows), *this;
    }
    script& flush() { return wire::write_flush(out_), *this; }
    script& sync() { return wire::write_sync(out_), ++turns_, *this; }
    script& copy_data(std::string_view data) { return wire::write_client_copy_data(out_, data), *this; }
    script& copy_done() { return wire::write_client_copy_done(out_), *this; }
    script& copy_fail() { return wire::write_copy_fail(out_, "no more"), *this; }
    std::string play(raw_client& to) const { return to.talk(out_, turns_); }
    const std::string& bytes() const { return out_; }
    int turns() const { return turns_; }

private:
    std::string out_;
    int turns_ = 0;
};

}  // namespace ashlar::test
