#include "topology/alert_desk.hpp"

#include "support/becomes.hpp"
#include "support/temporary_folder.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>
#include <nlohmann/json.hpp>

#include <array>
#include <condition_variable>
#include <csignal>
#include <fstream>
#include <thread>

using namespace ashlar;
using namespace ashlar::topology;
using namespace ashlar::test;
using namespace std::chrono_literals;

namespace {

// A web service that answers what it is told, one call after the other; 0: it does not answer at all.
class web_service {
public:
    explicit web_service(std::vector<int> answers) : answers_(std::move(answers)) {
        listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        sockaddr_in where{};
        where.sin_family = AF_INET;
        where.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof where;
        EXPECT_EQ(::bind(listener_, reinterpret_cast<sockaddr*>(&where), sizeof where), 0);
        EXPECT_EQ(::listen(listener_, 8), 0);
        EXPECT_EQ(::getsockname(listener_, reinterpret_cast<sockaddr*>(&where), &size), 0);
        port_ = ntohs(where.sin_port);
        thread_ = std::thread{[this] { serve(); }};
    }
    ~web_service() {
        ::shutdown(listener_, SHUT_RDWR);
        thread_.join();
        ::close(listener_);
        for (const int each : silent_) ::close(each);
    }
    std::string url() const { return fmt::format("http://bob:secret@127.0.0.1:{}/hooks/s3cret?key=s3cret", port_); }
    // The requests, once there are so many.
    std::vector<std::string> heard(std::size_t count) {
        std::unique_lock hold{guard_};
        changed_.wait_for(hold, 20s, [&] { return heard_.size() >= count; });
        return heard_;
    }
    std::size_t calls() {
        const std::lock_guard hold{guard_};
        return heard_.size();
    }

private:
    void serve() {
        for (;;) {
            const int caller = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
            if (caller < 0) return;
            const std::string said = read_request(caller);
            int answer = 200;
            {
                const std::lock_guard hold{guard_};
                if (heard_.size() < answers_.size()) answer = answers_[heard_.size()];
                heard_.push_back(said);
            }
            changed_.notify_all();
            if (answer == 0) {
                silent_.push_back(caller);
                continue;
            }
            const std::string reply = fmt::format("HTTP/1.1 {} X\r\nContent-Length: 2\r\n\r\nok", answer);
            (void)::send(caller, reply.data(), reply.size(), MSG_NOSIGNAL);
            ::close(caller);
        }
    }
    static std::string read_request(int from) {
        std::string said;
        std::array<char, 4096> part{};
        for (;;) {
            const std::size_t head = said.find("\r\n\r\n");
            if (head != said.npos) {
                const std::size_t at = said.find("Content-Length: ");
                if (at == said.npos || said.size() >= head + 4 + std::stoul(said.substr(at + 16))) return said;
            }
            const ssize_t got = ::recv(from, part.data(), part.size(), 0);
            if (got <= 0) return said;
            said.append(part.data(), static_cast<std::size_t>(got));
        }
    }

    const std::vector<int> answers_;
    int listener_ = -1;
    std::uint16_t port_ = 0;
    std::mutex guard_;
    std::condition_variable changed_;
    std::vector<std::string> heard_;
    std::vector<int> silent_;  // the thread's, then the destructor's
    std::thread thread_;
};

health_change change(const std::string& server, bool healthy = false) {
    health_change what;
    what.database = "primary";
    what.server = server;
    what.healthy = healthy;
    if (!healthy) what.problem = "its replay is paused";
    what.since = std::chrono::system_clock::time_point{1'795'400'000'123ms};
    return what;
}

// A desk at work on a thread of its own.
class office {
public:
    explicit office(config::alert_settings how, std::unique_ptr<webhook> hook = nullptr)
        : desk(
              std::move(how), [this](const health_change& what) { told(what); }, std::move(hook)),
          thread_([this] { (void)loop_->run(desk.run(*loop_)); }) {}
    ~office() {
        desk.stop();
        thread_.join();
    }
    void await(std::size_t count) {
        std::unique_lock hold{guard_};
        EXPECT_TRUE(changed_.wait_for(hold, 20s, [&] { return told_ >= count; }));
    }

private:
    void told(const health_change&) {
        const std::lock_guard hold{guard_};
        ++told_;
        changed_.notify_all();
    }
    std::mutex guard_;
    std::condition_variable changed_;
    std::size_t told_ = 0;

public:
    alert_desk desk;

private:
    std::unique_ptr<io::loop> loop_ = io::make_epoll_loop();
    std::thread thread_;
};

// It exists, and is not merely waiting for somebody to ask how it ended.
bool is_running(pid_t which) {
    std::ifstream from{fmt::format("/proc/{}/stat", which)};
    std::string number, name, state;
    return from >> number >> name >> state && state != "Z";
}

std::unique_ptr<webhook> hook_to(const web_service& service, milliseconds timeout = 5s) {
    return webhook::make(service.url(), timeout).value();
}

}  // namespace

TEST(AlertDesk, PostsWhatHappenedAsJson) {
    web_service service{{200}};
    office at_work{{}, hook_to(service)};
    at_work.desk.push(change("primary/replica_1"));
    const std::string said = service.heard(1).at(0);
    EXPECT_TRUE(said.starts_with("POST /hooks/s3cret?key=s3cret HTTP/1.1\r\n")) << said;
    EXPECT_NE(said.find("\r\nContent-Type: application/json\r\n"), said.npos) << said;
    EXPECT_EQ(
        said.substr(said.find("\r\n\r\n") + 4),
        R"({"database":"primary","server":"primary/replica_1","state":"unhealthy","problem":"its replay is paused",)"
        R"("since":"2026-11-23T02:13:20.123Z","text":"primary/replica_1 is unhealthy: its replay is paused"})");
}

TEST(AlertDesk, WhatAServerSaidIsQuotedWhateverItHolds) {
    health_change odd = change("shard_1");
    odd.problem = "no answer: \"x\"\n\x01 \xff end";
    const auto read = nlohmann::json::parse(to_json(odd));
    EXPECT_EQ(read.at("problem"), "no answer: \"x\"\n\x01 \xef\xbf\xbd end");
}

TEST(Webhook, AServiceThatAsksToComeAgainIsAskedOnceMore) {
    web_service service{{503, 200}};
    EXPECT_TRUE(hook_to(service)->post("{}"));
    EXPECT_EQ(service.calls(), 2u);
}

TEST(Webhook, AnotherRefusalIsFinal) {
    web_service busy{{503, 500, 200}}, wrong{{404}}, elsewhere{{302}};
    const status twice = hook_to(busy)->post("{}");
    EXPECT_EQ(twice.error().message(), "alerts.webhook " + hook_to(busy)->where() + ": it answered 500");
    EXPECT_EQ(busy.calls(), 2u);
    EXPECT_FALSE(hook_to(wrong)->post("{}"));
    EXPECT_EQ(wrong.calls(), 1u);
    EXPECT_FALSE(hook_to(elsewhere)->post("{}"));
    EXPECT_EQ(elsewhere.calls(), 1u);
}

TEST(Webhook, NeitherPathNorPasswordIsTold) {
    web_service service{{404}};
    const auto hook = hook_to(service);
    EXPECT_TRUE(hook->where().starts_with("http://127.0.0.1:")) << hook->where();
    const status told = hook->post("{}");
    EXPECT_EQ(told.error().to_string().find("s3cret"), std::string::npos);
    EXPECT_EQ(told.error().to_string().find("bob"), std::string::npos);
}

TEST(Webhook, OneThatHangsIsGivenUpAfterTwoTimeouts) {
    web_service service{{0, 0}};
    const instant began = steady_clock::now();
    EXPECT_FALSE(hook_to(service, 100ms)->post("{}"));
    EXPECT_EQ(service.calls(), 2u);
    EXPECT_LT(steady_clock::now() - began, 60s);
}

TEST(AlertDesk, AWebhookThatHangsDelaysNobodyButTheNextAlert) {
    web_service service{{0, 0, 200}};
    office at_work{{}, hook_to(service, 100ms)};
    const instant began = steady_clock::now();
    for (int i = 0; i < 500; ++i) at_work.desk.push(change("shard_1"));
    EXPECT_LT(steady_clock::now() - began, 10s);
    EXPECT_GE(service.heard(3).size(), 3u);
}

TEST(AlertDesk, StopEndsAWebhooksCall) {
    web_service service{{0, 0}};
    const instant began = steady_clock::now();
    {
        office at_work{{}, hook_to(service, 60s)};
        at_work.desk.push(change("shard_1"));
        service.heard(1);
    }
    EXPECT_LT(steady_clock::now() - began, 20s);
}

TEST(AlertDesk, ACommandThatHangsIsKilledAfterItsTimeoutWithAllThatItStarted) {
    temporary_folder folder;
    config::alert_settings how;
    how.command = {"sh", "-c", "sleep 600 & echo $$ $! > " + folder.path() + "/$ASHLAR_SERVER; wait"};
    how.timeout = 300ms;
    const instant began = steady_clock::now();
    office at_work{how};
    at_work.desk.push(change("shard_1"));
    at_work.desk.push(change("shard_2"));
    at_work.await(2);  // the second is told once the command for the first has ended
    EXPECT_GE(steady_clock::now() - began, 300ms);
    EXPECT_LT(steady_clock::now() - began, 20s);
    pid_t shell = 0, sleeper = 0;
    std::ifstream{folder.file("shard_1")} >> shell >> sleeper;
    ASSERT_GT(shell, 0);
    ASSERT_GT(sleeper, 0);
    EXPECT_TRUE(becomes([&] { return ::kill(shell, 0) != 0 && !is_running(sleeper); }));
}

TEST(AlertDesk, ACommandFindsWhatHappenedInItsEnvironment) {
    temporary_folder folder;
    const std::string file = folder.file("said");
    config::alert_settings how;
    how.command = {"sh", "-c",
                   "echo \"$ASHLAR_DATABASE $ASHLAR_SERVER $ASHLAR_STATE $ASHLAR_SINCE $ASHLAR_PROBLEM\" >> " + file};
    office at_work{how};
    at_work.desk.push(change("shard_1"));
    at_work.desk.push(change("shard_2", true));
    at_work.desk.push(change("shard_3"));
    at_work.await(3);
    std::ifstream from{file};
    std::string line;
    std::getline(from, line);
    EXPECT_EQ(line, "primary shard_1 unhealthy 2026-11-23T02:13:20.123Z its replay is paused");
}
