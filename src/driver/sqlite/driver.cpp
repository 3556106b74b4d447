// The SQLite driver: opens files.
#include "driver/drivers.hpp"
#include "driver/sqlite/connection.hpp"

#include <atomic>

namespace ashlar::driver {

namespace {

class sqlite_driver final : public driver {
public:
    explicit sqlite_driver(sqlite_options options) : options_(std::move(options)) {}

    dialect speaks() const noexcept override { return dialect::sqlite; }
    std::string describe() const override { return "sqlite:" + options_.file; }

    task<result<std::unique_ptr<connection>>> connect(io::loop& loop, deadline until) override {
        sqlite::patience wait{until, options_.busy_timeout};
        std::mutex nobody_else_has_it;
        for (;;) {
            result<std::unique_ptr<sqlite::database>> opened = error{errc::internal};
            auto work = [&] { opened = sqlite::database::open(options_); };
            co_await sqlite::hop(loop, nobody_else_has_it, work);
            if (opened) {
                std::shared_ptr<sqlite::database> on = std::move(*opened);
                std::unique_ptr<connection> made =
                    std::make_unique<sqlite::file_connection>(std::move(on), loop, ++opened_so_far_);
                co_return std::move(made);
            }
            const auto again = opened.error() == errc::database_locked ? wait.next(steady_clock::now()) : std::nullopt;
            if (!again) co_return std::move(opened).error().on(describe());
            (void)co_await loop.sleep_until(*again);
        }
    }

    task<result<std::unique_ptr<connection>>> join(connection& host, deadline until) override {
        auto* with = dynamic_cast<sqlite::file_connection*>(&host);
        if (with == nullptr) co_return error{errc::unsupported, "only SQLite files commit as one with others"};
        co_return co_await with->take_in(options_.file, ++opened_so_far_, until);
    }

private:
    const sqlite_options options_;
    std::atomic<std::uint64_t> opened_so_far_ = 0;
};

}  // namespace

std::unique_ptr<driver> make_sqlite_driver(sqlite_options options) {
    return std::make_unique<sqlite_driver>(std::move(options));
}

}  // namespace ashlar::driver
