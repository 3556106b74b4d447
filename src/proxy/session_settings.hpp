// session_settings.hpp: what a client has SET, kept by us, so that any server connection can be made to look like the
// one that the client believes it has.
//
// Apart from the session since it is pure: texts in, values and texts out. A setting is kept as the statement that
// makes it (`SET TIME ZONE 'UTC'`, `SELECT set_config(…)`), so that two settings are equal when they are made alike.
//
// A session's settings are a value; savepoints and transactions keep copies and go back to them. A connection remembers
// the settings that were last put on it, and difference() gives the statements from those to a session's own.
#pragma once

#include "driver/session_values.hpp"

#include <ashlar/result.hpp>

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace ashlar::proxy {

// What a SET, RESET or DISCARD statement asks for.
struct setting_command {
    enum class verb {
        set,          // for the session: name and statement are given
        set_local,    // until the end of the transaction: statement is given
        transaction,  // SET TRANSACTION, SET CONSTRAINTS: of the transaction, not of the session
        reset,        // name is given
        reset_all,
    };
    verb what = verb::set;
    std::string name;                                       // lower case
    std::string statement;                                  // as it is to be sent to a server
    std::vector<std::pair<std::string, std::string>> more;  // names and statements of what else the one command sets
};

// Reads one SET or RESET statement, which is known to be grammatical. SET SESSION CHARACTERISTICS becomes SETs of
// default_transaction_isolation and its kin. Fails with `internal` for anything else.
result<setting_command> read_setting_command(std::string_view sql);

class settings {
public:
    // Made by a SET statement of the client's own.
    void set(const std::string& name, std::string statement) { made_by_[name] = std::move(statement); }
    // Made from a value as servers report it and start-up packets carry it ("a, b" for search_path).
    void set_from_value(const std::string& name, std::string_view value);
    void reset(const std::string& name) { made_by_.erase(name); }
    void clear() { made_by_.clear(); }

    bool empty() const noexcept { return made_by_.empty(); }
    const std::string* find(const std::string& name) const;
    const std::map<std::string, std::string>& all() const noexcept { return made_by_; }
    std::uint64_t bytes() const noexcept;  // of memory, by and large

    friend bool operator==(const settings&, const settings&) = default;

private:
    std::map<std::string, std::string> made_by_;
};

// The statements, joined by `;`, that turn a connection with `from` into one with `to`. Empty when they agree.
// Roles come off first and go on last, since a role may lack the right to change the others.
std::string difference(const settings& from, const settings& to);

// A statement of `settings` as one that ends with the transaction.
std::string as_local(std::string_view statement);

// Does extra_float_digits leave floats all their digits? `local`: statements of the transaction, SET LOCAL among them.
// Errs to no.
bool writes_floats_whole(const settings& now, const std::vector<std::string>& local);

// As literals and names in SQL.
std::string quoted_value(std::string_view value);
std::string quoted_setting_name(std::string_view name);  // each part between dots by itself

// The settings of one's own (app.tenant) that a statement names: as a string, as set_config() takes it, or after SET. Also
// inside of strings and bodies in $$; too many do no harm.
std::vector<std::string> custom_settings_named_in(std::string_view sql);

// The `options` of a start-up packet: "-c name=value --name=value", with backslashes before blanks.
// Fails with invalid_argument for switches that are no settings.
result<std::vector<std::pair<std::string, std::string>>> read_start_up_options(std::string_view options);

// What planning must know of the settings; two sessions with equal `fingerprint` read the same text alike.
struct reading_environment {
    std::vector<std::string> search_path{"public"};
    bool standard_conforming_strings = true;
    bool pinned = false;      // a hint sends all to one database, as it is
    std::string fingerprint;  // of everything that names, types and rights in a statement may depend on
};
// `told`: with what every server's sessions begin; nullptr: not known. `local`: what SET LOCAL has set over `s`.
reading_environment environment_of(const settings& s, const driver::session_values* told = nullptr,
                                   const settings& local = {});

}  // namespace ashlar::proxy
