#include "execute/lender.hpp"

namespace ashlar::execute {

namespace {

class from_source final : public lender {
public:
    explicit from_source(connection_source source) noexcept : source_(std::move(source)) {}
    task<result<driver::connection*>> lend(const route::step& step) override { return source_(step); }

private:
    connection_source source_;
};

}  // namespace

std::unique_ptr<lender> lender_from(connection_source source) {
    return std::make_unique<from_source>(std::move(source));
}

}  // namespace ashlar::execute
