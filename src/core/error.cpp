#include <ashlar/error.hpp>
#include <ashlar/result.hpp>

#include <array>
#include <ostream>

namespace ashlar {

namespace {

constexpr std::array table{
#define ASHLAR_ERROR(name, sqlstate, may_retry, outcome, sentence) \
    errc_facts{errc::name, #name, sqlstate, may_retry, outcome, sentence},
#include <ashlar/errors.def>
#undef ASHLAR_ERROR
};

}  // namespace

const errc_facts& facts_of(errc code) noexcept {
    return table[static_cast<std::size_t>(code)];
}

struct error::parts {
    errc code;
    std::int32_t position = 0;
    std::string message, detail, hint, where, sqlstate;
    std::unique_ptr<server_report> server;

    explicit parts(errc c) : code(c) {}
    parts(const parts& o)
        : code(o.code),
          position(o.position),
          message(o.message),
          detail(o.detail),
          hint(o.hint),
          where(o.where),
          sqlstate(o.sqlstate),
          server(o.server ? std::make_unique<server_report>(*o.server) : nullptr) {}
    parts& operator=(const parts&) = delete;
};

void error::deleter::operator()(parts* p) const noexcept {
    delete p;
}

error::error(errc code, std::string message) : parts_(new parts(code)) {
    parts_->message = std::move(message);
}

error::error(const error& other) : parts_(other.parts_ ? new parts(*other.parts_) : nullptr) {}

error& error::operator=(const error& other) {
    if (this != &other) parts_.reset(other.parts_ ? new parts(*other.parts_) : nullptr);
    return *this;
}

error& error::detail(std::string text) & {
    parts_->detail = std::move(text);
    return *this;
}
error& error::hint(std::string text) & {
    parts_->hint = std::move(text);
    return *this;
}
error& error::at(std::int32_t position) & {
    parts_->position = position;
    return *this;
}
error& error::on(std::string_view where) & {
    // Two layers may know the same name.
    const std::string& known = parts_->where;
    if (known == where || known.ends_with(" of " + std::string{where})) return *this;
    if (!parts_->where.empty()) parts_->where += " of ";
    parts_->where += where;
    return *this;
}
error& error::sqlstate(std::string_view five_chars) & {
    parts_->sqlstate = five_chars;
    return *this;
}
error& error::server(server_report report) & {
    parts_->server = std::make_unique<server_report>(std::move(report));
    return *this;
}

errc error::code() const noexcept {
    return parts_ ? parts_->code : errc::internal;
}
const std::string& error::message() const noexcept {
    return parts_->message;
}
const std::string& error::detail() const noexcept {
    return parts_->detail;
}
const std::string& error::hint() const noexcept {
    return parts_->hint;
}
std::int32_t error::position() const noexcept {
    return parts_->position;
}
const std::string& error::where() const noexcept {
    return parts_->where;
}
const server_report* error::server() const noexcept {
    return parts_->server.get();
}

std::string_view error::sqlstate() const noexcept {
    if (!parts_->sqlstate.empty()) return parts_->sqlstate;
    if (parts_->server && parts_->server->sqlstate.size() == 5) return parts_->server->sqlstate;
    return facts_of(code()).sqlstate;
}

std::string error::to_string() const {
    std::string text = "ERROR:  " + message();
    if (!where().empty()) text += " (on " + where() + ")";
    text += "  (ashlar:";
    text += facts_of(code()).name;
    text += ", ";
    text += sqlstate();
    text += ")";
    if (!detail().empty()) text += "\nDETAIL: " + detail();
    if (!hint().empty()) text += "\nHINT:   " + hint();
    if (const server_report* said = server(); said != nullptr && !said->message.empty()) {
        text += "\nSERVER: " + said->message;
        if (!said->detail.empty()) text += "\n        " + said->detail;
    }
    return text;
}

std::ostream& operator<<(std::ostream& out, const error& e) {
    return out << e.to_string();
}
std::ostream& operator<<(std::ostream& out, errc code) {
    return out << facts_of(code).name;
}

}  // namespace ashlar
