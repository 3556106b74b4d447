#include "core/io/nowhere.hpp"

namespace ashlar::io {

namespace {

class nowhere_loop final : public loop {
public:
    void forget(int) noexcept override {}

protected:
    bool try_now(detail::operation&) override { return nobody_waits_here(); }
    bool watch(detail::operation&) override { return nobody_waits_here(); }
    void unwatch(detail::operation&) override { nobody_waits_here(); }
    void turn(deadline) override { nobody_waits_here(); }
    void wake() noexcept override {}

private:
    static bool nobody_waits_here() {
        ASHLAR_ASSERT(!"an idle connection was used without being bound to a loop");
        return false;
    }
};

}  // namespace

loop& nowhere() noexcept {
    // NOLINTNEXTLINE(bugprone-unhandled-exception-at-new): without memory for this, ending is all that is left
    static nowhere_loop* forever = new nowhere_loop;  // outlives static destructors, which may close connections
    return *forever;
}

}  // namespace ashlar::io
