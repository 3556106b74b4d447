#include "proxy/session_settings.hpp"
#include "proxy/interned.hpp"

namespace ashlar::proxy {
namespace {

using verb = setting_command::verb;

setting_command read(std::string_view sql) {
    return read_setting_command(sql).value();
}

TEST(SessionSettings, ReadsEverySpellingOfSet) {
    EXPECT_EQ(read("set work_mem = '5MB'").name, "work_mem");
    EXPECT_EQ(read("SET SESSION Work_Mem TO '5MB';").name, "work_mem");
    EXPECT_EQ(read("/* why */ set -- so\n work_mem to 5").name, "work_mem");
    EXPECT_EQ(read("set time zone 'UTC'").name, "timezone");
    EXPECT_EQ(read("set names 'utf8'").name, "client_encoding");
    EXPECT_EQ(read("set schema 'acme'").name, "search_path");
    EXPECT_EQ(read("set role ann").name, "role");
    EXPECT_EQ(read("set session authorization ann").name, "session_authorization");
    EXPECT_EQ(read("set ashlar.trace = on").name, "ashlar.trace");
    EXPECT_EQ(read("set local work_mem = 5").what, verb::set_local);
    EXPECT_EQ(read("set local work_mem = 5").statement, "SET LOCAL work_mem = 5");
    EXPECT_EQ(read("set transaction isolation level serializable").what, verb::transaction);
    EXPECT_EQ(read("set constraints all deferred").what, verb::transaction);
    EXPECT_EQ(read("set work_mem to default").what, verb::reset);
    EXPECT_EQ(read("set role none").what, verb::reset);
    EXPECT_EQ(read("reset all").what, verb::reset_all);
    EXPECT_EQ(read("reset time zone").name, "timezone");
    EXPECT_EQ(read("reset session authorization").name, "session_authorization");
}

TEST(SessionSettings, SessionCharacteristicsAreSettings) {
    const setting_command one = read("SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY");
    EXPECT_EQ(one.name, "default_transaction_read_only");
    EXPECT_EQ(one.statement, "SET default_transaction_read_only = 'on'");
    EXPECT_TRUE(one.more.empty());
    const setting_command all =
        read("set session characteristics as transaction isolation level repeatable read, read write, not deferrable");
    EXPECT_EQ(all.statement, "SET default_transaction_isolation = 'repeatable read'");
    ASSERT_EQ(all.more.size(), 2u);
    EXPECT_EQ(all.more[0].second, "SET default_transaction_read_only = 'off'");
    EXPECT_EQ(all.more[1].second, "SET default_transaction_deferrable = 'off'");
    const setting_command serial = read("set session characteristics as transaction isolation level serializable;");
    EXPECT_EQ(serial.statement, "SET default_transaction_isolation = 'serializable'");
}

TEST(SessionSettings, FindsTheSettingsOfOnesOwnThatATextNames) {
    using names = std::vector<std::string>;
    EXPECT_EQ(custom_settings_named_in("select set_config('app.tenant', 'a', false)"), names{"app.tenant"});
    EXPECT_EQ(custom_settings_named_in("do $$ begin set App.Tenant to 'x'; set a.b.c='y'; end $$"),
              (names{"app.tenant", "a.b.c"}));
    EXPECT_EQ(custom_settings_named_in("select a.b, 'no.', '.no', 'not one.word', 'a.b' from x.y"), names{"a.b"});
    EXPECT_EQ(custom_settings_named_in("'"), names{});
    EXPECT_EQ(custom_settings_named_in(""), names{});
    EXPECT_EQ(custom_settings_named_in("'" + std::string(500, 'a') + ".b'"), names{});
}

TEST(SessionSettings, TheDifferenceIsWhatIsMissingAndWhatIsTooMuch) {
    settings none, one, two;
    one.set("work_mem", "SET work_mem = 1");
    two.set("work_mem", "SET work_mem = 2");
    two.set("timezone", "SET TIME ZONE 'UTC'");
    EXPECT_EQ(difference(one, one), "");
    EXPECT_EQ(difference(none, one), "SET work_mem = 1");
    EXPECT_EQ(difference(one, none), "RESET \"work_mem\"");
    EXPECT_EQ(difference(one, two), "SET TIME ZONE 'UTC';SET work_mem = 2");
    EXPECT_EQ(difference(two, one), "RESET \"timezone\";SET work_mem = 1");
}

TEST(SessionSettings, RolesComeOffFirstAndGoOnLast) {
    settings from, to;
    from.set("role", "SET ROLE ann");
    to.set("work_mem", "SET work_mem = 1");
    to.set("role", "SET ROLE bob");
    EXPECT_EQ(difference(from, to), "RESET ROLE;SET work_mem = 1;SET ROLE bob");
    settings same = from;
    same.set("work_mem", "SET work_mem = 1");
    EXPECT_EQ(difference(from, same), "RESET ROLE;SET work_mem = 1;SET ROLE ann");
}

TEST(SessionSettings, ValuesAreQuotedWhateverTheyHold) {
    settings s, none;
    s.set_from_value("application_name", "it's \\ here");
    EXPECT_EQ(difference(none, s), "SELECT pg_catalog.set_config('application_name',  E'it''s \\\\ here', false)");
    settings odd;
    odd.set("x\"; drop table t; --", "SET x = 1");
    EXPECT_EQ(difference(odd, none), "RESET \"x\"\"; drop table t; --\"");
}

TEST(SessionSettings, StartUpOptionsAreSettingsOnly) {
    auto read_options = read_start_up_options("-c work_mem=3MB --search-path=a\\ b -cgeqo=off").value();
    ASSERT_EQ(read_options.size(), 3u);
    EXPECT_EQ(read_options[0], (std::pair<std::string, std::string>{"work_mem", "3MB"}));
    EXPECT_EQ(read_options[1], (std::pair<std::string, std::string>{"search_path", "a b"}));
    EXPECT_EQ(read_options[2], (std::pair<std::string, std::string>{"geqo", "off"}));
    EXPECT_FALSE(read_start_up_options("-d 5"));
    EXPECT_FALSE(read_start_up_options("-c"));
    EXPECT_FALSE(read_start_up_options("-c work_mem"));
}

TEST(SessionSettings, ThePathIsReadFromEverySpelling) {
    const auto path = [](std::string_view sql) {
        settings s;
        const setting_command c = read(sql);
        s.set(c.name, c.statement);
        return environment_of(s).search_path;
    };
    using names = std::vector<std::string>;
    EXPECT_EQ(path("set search_path to acme, public"), (names{"acme", "public"}));
    EXPECT_EQ(path("set search_path = \"Acme\", '$user', 'b c'"), (names{"Acme", "b c"}));
    EXPECT_EQ(path("set search_path to 'a, b'"), (names{"a, b"}));
    EXPECT_EQ(path("set schema 'acme'"), (names{"acme"}));
    settings by_value;
    by_value.set_from_value("search_path", "\"$user\", acme, \"It's\"");
    EXPECT_EQ(environment_of(by_value).search_path, (names{"acme", "It's"}));
    EXPECT_EQ(environment_of(settings{}).search_path, (names{"public"}));
}

TEST(SessionSettings, WhatDecidesHowATextIsReadIsInTheFingerprint) {
    settings none, name_only, path, strings;
    name_only.set_from_value("application_name", "psql");
    path.set("search_path", "SET search_path TO acme");
    strings.set("standard_conforming_strings", "SET standard_conforming_strings = off");
    EXPECT_EQ(environment_of(none).fingerprint, environment_of(name_only).fingerprint);
    EXPECT_NE(environment_of(none).fingerprint, environment_of(path).fingerprint);
    EXPECT_FALSE(environment_of(strings).standard_conforming_strings);
    settings by_value;
    by_value.set_from_value("standard_conforming_strings", "off");
    EXPECT_FALSE(environment_of(by_value).standard_conforming_strings);
    by_value.set_from_value("standard_conforming_strings", "on");
    EXPECT_TRUE(environment_of(by_value).standard_conforming_strings);
}

TEST(SessionSettings, KnowWhetherFloatsAreWrittenWhole) {
    const auto whole = [](const std::string& statement) {
        settings now;
        now.set("extra_float_digits", statement);
        return writes_floats_whole(now, {});
    };
    EXPECT_TRUE(writes_floats_whole(settings{}, {"SAVEPOINT a", "SET LOCAL timezone = 'UTC'"}));
    EXPECT_TRUE(whole("SET extra_float_digits = 3"));
    EXPECT_TRUE(whole("set extra_float_digits to '1';"));
    EXPECT_FALSE(whole("SET extra_float_digits = 0"));
    EXPECT_FALSE(whole("SET extra_float_digits = -3"));
    EXPECT_FALSE(whole("SET extra_float_digits = '-1'"));
    EXPECT_FALSE(whole("SET extra_float_digits = -  2"));
    EXPECT_FALSE(writes_floats_whole(settings{}, {"SET LOCAL EXTRA_float_digits = 0"}));
}

}  // namespace

TEST(Interned, GivesOneObjectForEqualValuesAndForgetsWhatNobodyHolds) {
    proxy::interned<int, int> all;
    const auto make = [](int n) { return [n] { return std::make_shared<const int>(n); }; };
    const auto one = all.same(1, make(1));
    EXPECT_EQ(all.same(1, make(1)), one);
    for (int i = 2; i < 100'000; ++i) EXPECT_EQ(*all.same(i, make(i)), i);
    EXPECT_LE(all.size(), 1'001u);
    EXPECT_EQ(all.same(1, make(1)), one) << "what is held stays";
}

}  // namespace ashlar::proxy
