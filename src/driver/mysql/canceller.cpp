#include "driver/mysql/canceller.hpp"

#include "driver/mysql/handle.hpp"

namespace ashlar::driver::mysql {

namespace {

constexpr seconds patience{1};  // for each of: connected, each answer

struct result_closer {
    void operator()(MYSQL_RES* r) const noexcept { mysql_free_result(r); }
};

bool runs(MYSQL* m, const std::string& sql) {
    forget_tls_errors();
    return mysql_real_query(m, sql.data(), sql.size()) == 0;
}

}  // namespace

void canceller::carry_out() const noexcept {
    auto made = make_handle(where_, patience, use::blocking);
    if (!made) return;
    MYSQL* m = made->get();
    if (connect_blocking(m, where_) == nullptr || !check_encryption(m, where_)) return;
    if (!runs(m, "select host from information_schema.processlist where id = " + number_)) return;
    {
        const std::unique_ptr<MYSQL_RES, result_closer> answer{mysql_store_result(m)};
        const MYSQL_ROW row = answer ? mysql_fetch_row(answer.get()) : nullptr;
        if (row == nullptr || row[0] == nullptr || seen_at_ != row[0]) return;
    }
    (void)runs(m, "kill query " + number_);
}

}  // namespace ashlar::driver::mysql
