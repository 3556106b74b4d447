#include "support/conversation_player.hpp"

#include "wire/error_fields.hpp"

#include <stdexcept>

namespace ashlar::test {

// --- owed_answers -----------------------------------------------------------------------------------------------------

void owed_answers::sent(const act& what) {
    switch (what.what) {
        case act::kind::sync:
            if (copying_) return;
            skipping_ = false;
            owed_.push_back(what.what);
            return;
        case act::kind::query:
        case act::kind::function_call:
        case act::kind::parse:
        case act::kind::bind:
        case act::kind::close:
        case act::kind::describe_statement:
        case act::kind::describe_portal:
        case act::kind::execute:
            if (!skipping_) owed_.push_back(what.what);
            return;
        default:
            return;
    }
}

void owed_answers::came(char type) {
    const bool simple =
        !owed_.empty() && (owed_.front() == act::kind::query || owed_.front() == act::kind::function_call);
    switch (type) {
        case 'E':
            copying_ = false;
            if (owed_.empty() || simple) return;  // ReadyForQuery follows by itself
            while (!owed_.empty() && owed_.front() != act::kind::sync) owed_.pop_front();
            skipping_ = owed_.empty();
            return;
        case 'Z':
            copying_ = false;
            if (!owed_.empty()) owed_.pop_front();
            return;
        case 'G':
            copying_ = true;
            return;
        case 'C':
        case 'I':
        case 's':
            copying_ = false;
            if (!owed_.empty() && owed_.front() == act::kind::execute) owed_.pop_front();
            return;
        case '1':
        case '2':
        case '3':
            if (!owed_.empty()) owed_.pop_front();
            return;
        case 'T':
        case 'n':
            if (!owed_.empty() &&
                (owed_.front() == act::kind::describe_statement || owed_.front() == act::kind::describe_portal)) {
                owed_.pop_front();
            }
            return;
        default:
            return;
    }
}

// --- conversation_player ------------------------------------------------------------------------------------------------

conversation_player::conversation_player(raw_client::options login, options how)
    : how_(how), random_(how.seed * 2'862'933'555'777'941'757 + 1), client_(std::move(login)) {}

void conversation_player::play(const std::vector<segment>& all) {
    for (const segment& each : all) {
        if (!play(each)) return;
    }
}

bool conversation_player::play(const segment& one) {
    answers_.emplace_back();
    closes_ = 0;
    last_ = 0;
    std::string gathered;
    bool unsure = false;  // rows of a COPY may be under way: what is owed then cannot be told before it is answered
    const auto flush = [&] {
        send(gathered);
        gathered.clear();
    };
    try {
        for (const act& each : one) {
            gathered += each.bytes;
            owed_.sent(each);
            unsure = unsure || each.asks_for_rows;
            switch (each.what) {
                case act::kind::cancel:
                    flush();
                    client_.cancel();
                    break;
                case act::kind::terminate:
                case act::kind::half:
                    flush();
                    client_.close();
                    left_ = true;
                    return false;
                case act::kind::hang_up:
                    flush();
                    client_.reset();
                    left_ = true;
                    return false;
                default:
                    break;
            }
            if (each.waits && !unsure) {
                flush();
                while (owed_.any()) {
                    if (!receive()) return false;
                }
            }
        }
        gathered += conversation_maker::mark();
        flush();
    } catch (const std::runtime_error& e) {
        if (std::string_view{e.what()}.starts_with("nothing")) throw;
        // It has closed the connection: what it said before is of interest still.
    }
    const bool reached = reach_mark();
    owed_ = {};
    return reached;
}

bool conversation_player::reach_mark() {
    do {
        if (!receive()) return false;
    } while (closes_ < conversation_maker::mark_closes || last_ != 'Z');
    return true;
}

bool conversation_player::receive() {
    const std::optional<said> m = client_.receive();
    if (!m) {
        closed_ = true;
        return false;
    }
    owed_.came(m->type);
    if (m->type == 'S' || m->type == 'A') return true;
    if (m->type == 'N') return true;
    if (m->type == '3')
        ++closes_;
    else if (m->type != 'Z' || last_ != '3')
        closes_ = 0;
    last_ = m->type;
    answer_line line;
    line.in_short = raw_client::in_short({*m});
    if (m->type == 'E') {
        if (auto read = wire::read_error_fields(m->body)) {
            line.sqlstate = read->sqlstate;
            line.message = read->message;
        }
    }
    answers_.back().push_back(std::move(line));
    return true;
}

void conversation_player::send(std::string_view bytes) {
    while (!bytes.empty()) {
        std::size_t count = bytes.size();
        if (how_.in_pieces) {
            random_ = random_ * 6'364'136'223'846'793'005 + 1'442'695'040'888'963'407;
            if ((random_ >> 60) < 6) count = 1 + (random_ >> 33) % std::min<std::size_t>(count, 60);
        }
        client_.send(bytes.substr(0, count));
        bytes.remove_prefix(count);
    }
}

std::string told(const std::vector<segment>& conversation) {
    std::string out;
    for (const segment& each : conversation) {
        for (const act& one : each) out += "  " + one.text.substr(0, 200) + (one.waits ? "   [waits]" : "") + '\n';
        out += "  ---\n";
    }
    return out;
}

std::string told(const std::vector<answer_line>& answers) {
    std::string out;
    for (const answer_line& each : answers) {
        if (!out.empty()) out += ' ';
        out += each.in_short.size() < 120 ? each.in_short : each.in_short.substr(0, 120) + "…";
        if (!each.message.empty()) out += '[' + each.message + ']';
    }
    return out;
}

}  // namespace ashlar::test
