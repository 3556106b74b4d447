// What the console's commands and views are; a proxy is not needed for it.
#include "proxy/console_commands.hpp"
#include "proxy/console_views.hpp"
#include "proxy/measures.hpp"

#include <gmock/gmock.h>

#include <random>

using namespace ashlar;
using namespace ashlar::proxy;
using ::testing::HasSubstr;

namespace {

std::string upper(std::string text) {
    for (char& c : text) c = static_cast<char>(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
    return text;
}

std::string names(view_kind which) {
    std::string out;
    for (const column& each : shape_of(which)) out += (out.empty() ? "" : " ") + each.name;
    return out;
}

TEST(ConsoleCommands, EveryViewIsForBothKindsOfUsers) {
    for (const view_name& each : view_names()) {
        for (const bool is_admin : {true, false}) {
            for (const std::string& text : {"show " + std::string{each.word}, "SHOW  " + upper(std::string{each.word}),
                                            "/* who */ show -- what\n " + std::string{each.word}}) {
                const auto read = read_console_command(text, is_admin);
                ASSERT_TRUE(read) << text;
                EXPECT_EQ(read->what, console_command::kind::show);
                EXPECT_EQ(read->view, each.which) << text;
            }
        }
    }
}

TEST(ConsoleCommands, WhatOnlyPgBouncerCanDoIsRefusedByNameAndToAdministratorsAlone) {
    for (const refused_command& each : refused_commands()) {
        const std::string text = upper(std::string{each.word}) + (each.word.starts_with("show") ? "" : " shop");
        const auto as_admin = read_console_command(text, true), as_other = read_console_command(text, false);
        ASSERT_FALSE(as_admin) << text;
        EXPECT_EQ(as_admin.error().sqlstate(), "0A000") << text;
        EXPECT_EQ(as_admin.error().message(), upper(std::string{each.word}) + " is not supported");
        EXPECT_FALSE(as_admin.error().hint().empty()) << text;
        ASSERT_FALSE(as_other) << text;
        EXPECT_EQ(as_other.error().sqlstate(), each.is_admins ? "42501" : "0A000") << text;
    }
    EXPECT_EQ(read_console_command("kill_client 7", true)->number, 7u);
    EXPECT_EQ(read_console_command("kill_client 7", false).error().sqlstate(), "42501");
    for (const char* wrong :
         {"kill_client", "kill_client seven", "kill_client -7", "kill_client 7 8", "kill_client 99999999999"})
        EXPECT_EQ(read_console_command(wrong, true).error(), errc::syntax) << wrong;
    EXPECT_EQ(read_console_command("set max_client_conn = 3", true).error().sqlstate(), "0A000");
    EXPECT_EQ(read_console_command("set max_client_conn = 3", false).error().sqlstate(), "42501");
}

TEST(ConsoleCommands, WhatNobodyKnowsIsASyntaxErrorThatSaysWhatThereIs) {
    for (const char* text : {"frob", "show", "show frob", "show pools now", "select 1", "show pools; show stats", "'",
                             "/*", "\"", "show \"pools", "drop table users", "kil", "\xff\xfe", "show pools\x01"}) {
        const auto read = read_console_command(text, true);
        ASSERT_FALSE(read) << text;
        EXPECT_EQ(read.error(), errc::syntax) << text;
        EXPECT_THAT(read.error().hint(), HasSubstr("SHOW HELP, VERSION, STATE, POOLS")) << text;
    }
    EXPECT_EQ(read_console_command(std::string(5'000, 'x'), true).error(), errc::limit_reached);
}

TEST(ConsoleCommands, ReadsAnyBytesWithoutHarm) {
    std::mt19937 draw{4711};
    const std::string_view pieces[] = {"show", "pools", "set", "kill_client", "deallocate", "\"", "'",  "$$",
                                       "--",   "/*",    ";",   "\xc3",        "4294967296", " ",  "\n", "="};
    for (int i = 0; i < 50'000; ++i) {
        std::string text;
        for (unsigned n = draw() % 8; n > 0; --n) text += pieces[draw() % std::size(pieces)];
        if (draw() % 2 == 0) text += static_cast<char>(draw());
        const auto read = read_console_command(text, draw() % 2 == 0);
        EXPECT_TRUE(read || !read.error().message().empty());
    }
}

TEST(ConsoleCommands, WhatDriversSayToAnyServerIsAnswered) {
    using kind = console_command::kind;
    const auto what = [](const char* text) { return read_console_command(text, false).value().what; };
    EXPECT_EQ(what("BEGIN"), kind::begin);
    EXPECT_EQ(what("BEGIN READ ONLY"), kind::begin);
    EXPECT_EQ(what("start transaction"), kind::begin);
    EXPECT_EQ(what("COMMIT"), kind::commit);
    EXPECT_EQ(what("ROLLBACK"), kind::rollback);
    EXPECT_EQ(what("SET extra_float_digits = 3"), kind::set);
    EXPECT_EQ(what("SET SESSION application_name TO 'x'"), kind::set);
    EXPECT_EQ(what("show client_encoding"), kind::parameter);
    EXPECT_EQ(what("DEALLOCATE ALL"), kind::deallocate);
    EXPECT_EQ(read_console_command("DEALLOCATE PREPARE \"_Pg3_0\"", false)->name, "_Pg3_0");
    EXPECT_EQ(what("DISCARD ALL"), kind::discard);
    EXPECT_EQ(what("RESET ALL"), kind::reset);
    EXPECT_EQ(read_console_command("SHOW standard_conforming_strings", false)->value, "on");
}

// As PgBouncer 1.25 has them (src/admin.c, src/stats.c). Ours come after.
TEST(ConsoleViews, ColumnsAreThoseOfPgBouncerThenOurs) {
    const std::string sockets =
        "type user database replication state addr port local_addr local_port connect_time request_time wait wait_us "
        "close_needed ptr link remote_pid tls application_name prepared_statements id";
    EXPECT_EQ(names(view_kind::clients), sockets + " servers in_transaction");
    EXPECT_EQ(names(view_kind::servers), sockets + " shard role");
    EXPECT_EQ(
        names(view_kind::pools),
        "database user cl_active cl_waiting cl_active_cancel_req cl_waiting_cancel_req sv_active sv_active_cancel "
        "sv_being_canceled sv_idle sv_used sv_tested sv_login maxwait maxwait_us pool_mode load_balance_hosts "
        "shard role breaker");
    EXPECT_EQ(names(view_kind::databases),
              "name host port database force_user pool_size min_pool_size reserve_pool_size server_lifetime pool_mode "
              "load_balance_hosts max_connections current_connections max_client_connections "
              "current_client_connections paused disabled shard role breaker");
    EXPECT_EQ(names(view_kind::stats),
              "database total_server_assignment_count total_xact_count total_query_count total_received total_sent "
              "total_xact_time total_query_time total_wait_time total_client_parse_count total_server_parse_count "
              "total_bind_count total_client_login_count avg_server_assignment_count avg_xact_count avg_query_count "
              "avg_recv avg_sent avg_xact_time avg_query_time avg_wait_time avg_client_parse_count "
              "avg_server_parse_count avg_bind_count avg_client_login_count");
    EXPECT_EQ(names(view_kind::stats_totals),
              "database server_assignment_count xact_count query_count bytes_received bytes_sent xact_time query_time "
              "wait_time client_parse_count server_parse_count bind_count client_login_count");
    EXPECT_EQ(names(view_kind::stats_averages),
              "database server_assignment_count xact_count query_count bytes_received bytes_sent xact_time query_time "
              "wait_time avg_client_parse_count avg_server_parse_count avg_bind_count avg_client_login_count");
    EXPECT_EQ(names(view_kind::users),
              "name pool_size reserve_pool_size pool_mode max_user_connections current_connections "
              "max_user_client_connections current_client_connections console");
    EXPECT_EQ(names(view_kind::config), "key value default changeable");
    EXPECT_EQ(names(view_kind::lists), "list items");
    EXPECT_EQ(names(view_kind::totals), "name value");
    EXPECT_EQ(names(view_kind::version), "version");
    EXPECT_EQ(names(view_kind::state), "key value");
    EXPECT_EQ(names(view_kind::peers), "peer_id host port pool_size");
    EXPECT_EQ(names(view_kind::peer_pools),
              "peer_id cl_active_cancel_req cl_waiting_cancel_req sv_active_cancel sv_login");
}

// A proxy of two SQLite shards that were never opened.
class Views : public ::testing::Test {
protected:
    Views() {
        config::description d;
        config::shards shards;
        shards.function = keyspace::function_kind::modulo;
        shards.key_type = keyspace::key_type::integer;
        for (const char* name : {"shard_1", "shard_2"}) {
            config::database each;
            each.name = name;
            each.primary.database = std::string{"/nowhere/"} + name;
            shards.list.push_back(each);
        }
        d.shards_ = shards;
        d.serve.database = "shop";
        d.serve.users.push_back({"app", "pw-7c1f"});
        shared_.emplace(topology::world::open(std::move(d)).value());
    }
    worker_report report() const {
        worker_report out;
        out.linked = {{0}, {0}};
        return out;
    }
    std::optional<service> shared_;
};

TEST_F(Views, NoViewTellsAPassword) {
    const snapshot now = make_snapshot(*shared_, {report()}, true);
    for (const view_name& each : view_names()) {
        const view made = make_view(each.which, now);
        for (std::size_t row = 0; row < made.rows.rows(); ++row) {
            for (std::size_t column = 0; column < made.shape.size(); ++column)
                EXPECT_EQ(made.rows.at(row, column).value_or("").find("pw-7c1f"), std::string_view::npos) << each.word;
        }
    }
}

TEST_F(Views, EveryRowHasAllColumns) {
    worker_report one = report();
    one.clients = 1;
    one.users["app"] = {1, 1, 0};
    one.list.emplace_back().holds.push_back({0, 0, 0});
    const snapshot now = make_snapshot(*shared_, {one, report()}, true);
    for (const view_name& each : view_names()) {
        const view made = make_view(each.which, now);
        EXPECT_TRUE(made.rows.empty() || made.rows.width() == made.shape.size()) << each.word;
    }
}

TEST_F(Views, AreBoundedAndSayHowManyRowsAreMissing) {
    worker_report one = report(), other = report();
    one.list.resize(8'000);
    one.clients = 8'000;
    other.list.resize(5'000);
    other.clients = 7'000;
    for (int i = 0; i < 10'500; ++i) one.users["user_" + std::to_string(i)].clients = 1;
    const snapshot now = make_snapshot(*shared_, {one, other}, false);
    const view clients = make_view(view_kind::clients, now);
    EXPECT_EQ(clients.rows.rows(), view_rows_max);
    EXPECT_EQ(clients.left_out, 5'000u);
    const view pools = make_view(view_kind::pools, now);
    EXPECT_EQ(pools.rows.rows(), view_rows_max);
    EXPECT_EQ(pools.left_out, 502u);  // of 10,500 users and two servers
}

TEST_F(Views, MetricsTellOneHundredUsersAndTheRestTogether) {
    worker_report one = report();
    for (int i = 0; i < 250; ++i) one.users["user_" + std::to_string(i)] = {1, 1, 0};
    std::size_t users = 0;
    double idle = 0, others = 0;
    for (const metric_family& each : pgbouncer_measures(make_snapshot(*shared_, {one}, false))) {
        if (each.name != "pgbouncer_pools_client_active_connections") continue;
        for (const metric_sample& sample : each.samples) {
            if (sample.labels[0].second != "shop") continue;
            ++users;
            idle += sample.value;
            if (sample.labels[1].second == "<other>") others = sample.value;
        }
    }
    EXPECT_EQ(users, 101u);
    EXPECT_EQ(idle, 250);
    EXPECT_EQ(others, 150);
}

TEST(ShownName, IsValidUtf8WithoutControlCharactersWhateverClientsSay) {
    EXPECT_EQ(shown_name("zo\xc3\xab"), "zo\xc3\xab");
    EXPECT_EQ(shown_name(""), "");
    EXPECT_EQ(shown_name("a\nb"), "a?b");
    EXPECT_EQ(shown_name("zo\xc3\xab\x1b"), "zo???");
    for (const char* bad : {"\xff", "\xc0\xaf", "\xc3", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xe0\x80\x80"})
        EXPECT_EQ(shown_name(bad), std::string(std::string_view{bad}.size(), '?'));
    EXPECT_EQ(shown_name(std::string(1'000, 'x')).size(), shown_max);
    EXPECT_EQ(shown_name(std::string(127, 'x') + "\xc3\xab"), std::string(127, 'x'));
}

TEST_F(Views, AveragesAreTakenFromEachWorkersOwnSpan) {
    worker_report one = report(), other = report();
    const instant now = steady_clock::now();
    one.before_at = now - seconds{10}, one.now_at = now;
    one.before.queries = 100, one.now.queries = 300;
    one.now.query_time = milliseconds{400};
    one.before.query_time = milliseconds{200};
    other.before_at = now - seconds{5}, other.now_at = now;
    other.now.queries = 100;
    other.now.query_time = milliseconds{100};
    const snapshot seen = make_snapshot(*shared_, {one, other}, false);
    EXPECT_EQ(seen.total.queries, 400u);
    EXPECT_DOUBLE_EQ(seen.average.queries, 200.0 / 10 + 100.0 / 5);
    EXPECT_DOUBLE_EQ(seen.average.query_time, 300'000.0 / 300);
}

}  // namespace
