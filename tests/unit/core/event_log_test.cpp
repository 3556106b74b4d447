#include "core/event_log.hpp"

#include <spdlog/sinks/ostream_sink.h>
#include <spdlog/spdlog.h>

#include <sstream>

namespace ashlar {
namespace {

class EventLog : public ::testing::Test {
protected:
    EventLog() : before_(spdlog::default_logger()) {
        spdlog::set_default_logger(
            std::make_shared<spdlog::logger>("test", std::make_shared<spdlog::sinks::ostream_sink_mt>(out_)));
    }
    ~EventLog() override { spdlog::set_default_logger(before_); }
    // The last line, without the time.
    std::string line() {
        std::string all = out_.str();
        out_.str("");
        const auto begin = std::min(all.find(" info "), std::min(all.find(" warning "), all.find("\"level\"")));
        return begin == std::string::npos ? all : all.substr(begin);
    }
    std::ostringstream out_;
    std::shared_ptr<spdlog::logger> before_;
};

TEST_F(EventLog, TextHasOneLineForAnEvent) {
    configure_log(log_level::info, log_format::text);
    log_event(log_level::info, "login", {{"user", "app"}, {"application", "my tool"}, {"port", 5432}, {"empty", ""}});
    EXPECT_EQ(line(), " info login user=app application=\"my tool\" port=5432 empty=\"\"\n");
    log_event(log_level::warning, "login_refused", {{"reason", "two\nlines \"quoted\" a=b"}});
    EXPECT_EQ(line(), " warning login_refused reason=\"two\\nlines \\\"quoted\\\" a=b\"\n");
    spdlog::info("other\nmessages");
    EXPECT_EQ(line(), " info other messages\n");
}

TEST_F(EventLog, JsonHasOneObjectForAnEvent) {
    configure_log(log_level::info, log_format::json);
    log_event(log_level::info, "login", {{"user", "a\"b\\\x01"}, {"port", 5432}});
    EXPECT_EQ(line(), "\"level\":\"info\",\"event\":\"login\",\"user\":\"a\\\"b\\\\\\u0001\",\"port\":5432}\n");
    spdlog::info("it is \"so\"");
    EXPECT_EQ(line(), "\"level\":\"info\",\"message\":\"it is \\\"so\\\"\"}\n");
}

TEST_F(EventLog, TheLevelIsAThreshold) {
    configure_log(log_level::warning, log_format::text);
    EXPECT_FALSE(logs(log_level::info));
    log_event(log_level::info, "login", {});
    EXPECT_EQ(line(), "");
    EXPECT_TRUE(logs(log_level::error));
}

}  // namespace
}  // namespace ashlar
