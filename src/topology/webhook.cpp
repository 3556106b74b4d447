#include "topology/webhook.hpp"

#include <curl/curl.h>
#include <dlfcn.h>
#include <fmt/format.h>

#include <algorithm>
#include <string_view>
#include <thread>

namespace ashlar::topology {

namespace {

constexpr milliseconds pause_between{1'000};
constexpr milliseconds beat{20};

std::size_t drop(const char*, std::size_t size, std::size_t count, void*) {
    return size * count;
}

int go_on(void* interrupted, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
    return static_cast<const std::atomic<bool>*>(interrupted)->load() ? 1 : 0;
}

}  // namespace

// What is used of libcurl.
struct webhook::library {
    decltype(&::curl_global_init) global_init = nullptr;
    decltype(&::curl_easy_init) easy_init = nullptr;
    decltype(&::curl_easy_setopt) easy_setopt = nullptr;
    decltype(&::curl_easy_perform) easy_perform = nullptr;
    decltype(&::curl_easy_getinfo) easy_getinfo = nullptr;
    decltype(&::curl_easy_strerror) easy_strerror = nullptr;
    decltype(&::curl_easy_cleanup) easy_cleanup = nullptr;
    decltype(&::curl_slist_append) slist_append = nullptr;
    decltype(&::curl_slist_free_all) slist_free_all = nullptr;
    std::string missing;  // why it cannot be used

    library() {
        void* const from = ::dlopen("libcurl.so.4", RTLD_NOW | RTLD_LOCAL);
        if (from == nullptr) {
            const char* const why = ::dlerror();
            missing = why != nullptr ? why : "libcurl.so.4 is not there";
            return;
        }
        const auto find = [&](auto& into, const char* name) {
            into = reinterpret_cast<std::remove_reference_t<decltype(into)>>(::dlsym(from, name));
            if (into == nullptr) missing = fmt::format("libcurl.so.4 has no {}", name);
        };
        find(global_init, "curl_global_init");
        find(easy_init, "curl_easy_init");
        find(easy_setopt, "curl_easy_setopt");
        find(easy_perform, "curl_easy_perform");
        find(easy_getinfo, "curl_easy_getinfo");
        find(easy_strerror, "curl_easy_strerror");
        find(easy_cleanup, "curl_easy_cleanup");
        find(slist_append, "curl_slist_append");
        find(slist_free_all, "curl_slist_free_all");
        if (missing.empty() && global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) missing = "libcurl cannot be initialised";
    }
    // Loaded once, and never unloaded: libcurl cannot be.
    static const library& get() {
        static const library one;
        return one;
    }
};

webhook::webhook(std::string url, milliseconds timeout, const library& with)
    : url_(std::move(url)), timeout_(timeout), curl_(with) {}

result<std::unique_ptr<webhook>> webhook::make(std::string url, milliseconds timeout) {
    const library& with = library::get();
    if (!with.missing.empty()) {
        return error{errc::config_invalid, fmt::format("alerts.webhook needs libcurl: {}", with.missing)}.hint(
            "Install libcurl (on Debian: libcurl4), or use alerts.command.");
    }
    return std::unique_ptr<webhook>{new webhook{std::move(url), timeout, with}};
}

std::string webhook::where() const {
    const std::string_view all = url_;
    const std::size_t scheme = std::min(all.find("://"), all.size());
    const std::size_t begin = std::min(scheme + 3, all.size());
    const std::size_t end = std::min(all.find_first_of("/?#", begin), all.size());
    std::string_view host = all.substr(begin, end - begin);
    if (const std::size_t at = host.rfind('@'); at != host.npos) host.remove_prefix(at + 1);
    return std::string{all.substr(0, begin)} + std::string{host};
}

webhook::outcome webhook::try_once(const std::string& json) const {
    CURL* const call = curl_.easy_init();
    if (call == nullptr) return {"libcurl has no memory", false};
    curl_slist* head = curl_.slist_append(nullptr, "Content-Type: application/json");
    head = curl_.slist_append(head, "Expect:");  // no round trip to ask whether so few bytes are welcome
    const auto set = [&](CURLoption what, auto value) { (void)curl_.easy_setopt(call, what, value); };
    set(CURLOPT_URL, url_.c_str());
    set(CURLOPT_PROTOCOLS_STR, "http,https");
    set(CURLOPT_FOLLOWLOCATION, 0L);
    set(CURLOPT_NOSIGNAL, 1L);
    set(CURLOPT_TIMEOUT_MS, static_cast<long>(timeout_.count()));
    set(CURLOPT_USERAGENT, "ashlar");
    set(CURLOPT_HTTPHEADER, head);
    set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(json.size()));
    set(CURLOPT_POSTFIELDS, json.c_str());
    set(CURLOPT_WRITEFUNCTION, &drop);
    set(CURLOPT_NOPROGRESS, 0L);
    set(CURLOPT_XFERINFOFUNCTION, &go_on);
    set(CURLOPT_XFERINFODATA, static_cast<const void*>(&interrupted_));
    const CURLcode done = curl_.easy_perform(call);
    long answer = 0;
    (void)curl_.easy_getinfo(call, CURLINFO_RESPONSE_CODE, &answer);
    curl_.easy_cleanup(call);
    curl_.slist_free_all(head);
    if (done != CURLE_OK) return {curl_.easy_strerror(done), true};
    if (answer >= 200 && answer < 300) return {};
    return {fmt::format("it answered {}", answer), answer == 408 || answer == 429 || answer >= 500};
}

status webhook::post(const std::string& json) {
    outcome last = try_once(json);
    if (!last.problem.empty() && last.may_try_again) {
        const instant again = steady_clock::now() + pause_between;
        while (!interrupted_ && steady_clock::now() < again) std::this_thread::sleep_for(beat);
        if (!interrupted_) last = try_once(json);
    }
    if (last.problem.empty()) return {};
    return error{errc::io_failure, fmt::format("alerts.webhook {}: {}", where(), last.problem)};
}

}  // namespace ashlar::topology
