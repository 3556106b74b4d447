#include "core/event_log.hpp"

#include "core/json_text.hpp"

#include <spdlog/pattern_formatter.h>
#include <spdlog/spdlog.h>

#include <atomic>
#include <memory>

namespace ashlar {

namespace {

std::atomic<log_format> form{log_format::text};
std::atomic<bool> configured{false};

// Begins a payload that is the inner part of a JSON object already. No message begins with it.
constexpr char ready_made = '\x01';

spdlog::level::level_enum to_spdlog(log_level level) noexcept {
    switch (level) {
        case log_level::debug:
            return spdlog::level::debug;
        case log_level::info:
            return spdlog::level::info;
        case log_level::warning:
            return spdlog::level::warn;
        case log_level::error:
            return spdlog::level::err;
    }
    return spdlog::level::info;
}

// A value as it is when it is one plain word; else in quotes, on one line.
void append_plain(std::string& to, std::string_view value) {
    const bool plain = !value.empty() && value.find_first_of(" \"\\=\t\r\n") == std::string_view::npos;
    if (plain) {
        to += value;
    } else {
        append_json_string(to, value);
    }
}

class json_payload final : public spdlog::custom_flag_formatter {
public:
    void format(const spdlog::details::log_msg& what, const std::tm&, spdlog::memory_buf_t& into) override {
        const std::string_view payload{what.payload.data(), what.payload.size()};
        std::string text;
        if (!payload.empty() && payload.front() == ready_made) {
            text = payload.substr(1);
        } else {
            text = "\"message\":";
            append_json_string(text, payload);
        }
        into.append(text.data(), text.data() + text.size());
    }
    std::unique_ptr<custom_flag_formatter> clone() const override {
        return spdlog::details::make_unique<json_payload>();
    }
};

// A message that holds a line's end would look like two events.
class text_payload final : public spdlog::custom_flag_formatter {
public:
    void format(const spdlog::details::log_msg& what, const std::tm&, spdlog::memory_buf_t& into) override {
        for (const char c : what.payload) into.push_back(c == '\n' || c == '\r' ? ' ' : c);
    }
    std::unique_ptr<custom_flag_formatter> clone() const override {
        return spdlog::details::make_unique<text_payload>();
    }
};

}  // namespace

void configure_log(log_level least, log_format as) {
    form.store(as);
    configured.store(true);
    auto formatter = std::make_unique<spdlog::pattern_formatter>(
        as == log_format::json ? spdlog::pattern_time_type::utc : spdlog::pattern_time_type::local);
    if (as == log_format::json) {
        formatter->add_flag<json_payload>('*').set_pattern(R"({"time":"%Y-%m-%dT%H:%M:%S.%eZ","level":"%l",%*})");
    } else {
        formatter->add_flag<text_payload>('*').set_pattern("%Y-%m-%d %H:%M:%S.%e %l %*");
    }
    spdlog::default_logger()->set_formatter(std::move(formatter));
    spdlog::default_logger()->set_level(to_spdlog(least));
    spdlog::default_logger()->flush_on(spdlog::level::debug);
}

bool logs(log_level level) noexcept {
    if (level < log_level::warning && !configured.load(std::memory_order_relaxed)) return false;
    return spdlog::default_logger_raw()->should_log(to_spdlog(level));
}

void log_event(log_level level, std::string_view event, std::initializer_list<log_field> fields) {
    if (!logs(level)) return;
    std::string line;
    if (form.load() == log_format::json) {
        line = ready_made;
        line += "\"event\":";
        append_json_string(line, event);
        for (const log_field& each : fields) {
            line += ',';
            append_json_string(line, each.name);
            line += ':';
            if (each.is_number) {
                line += each.value;
            } else {
                append_json_string(line, each.value);
            }
        }
    } else {
        line = event;
        for (const log_field& each : fields) {
            line.append(" ").append(each.name).append("=");
            append_plain(line, each.value);
        }
    }
    spdlog::default_logger_raw()->log(to_spdlog(level), std::string_view{line});
}

}  // namespace ashlar
