#include "proxy/console_views.hpp"

#include "core/letter_case.hpp"
#include "core/version.hpp"
#include "proxy/console_show.hpp"
#include "proxy/console_writer.hpp"

namespace ashlar::proxy {

std::string help_text() {
    std::string theirs, ours;
    for (const view_name& each : view_names()) {
        std::string& to = each.is_ours ? ours : theirs;
        to += (to.empty() ? "" : "|") + uppered(each.word);
    }
    return fmt::format("\n\tSHOW {}\n\tSHOW {}\n\tKILL_CLIENT <id>", theirs, ours);
}

view make_view(view_kind which, const snapshot& from) {
    view made;
    made.shape = shape_of(which);
    view_writer out{made};
    switch (which) {
        case view_kind::help:
        case view_kind::peers:
        case view_kind::peer_pools:
            break;  // nothing of the kind
        case view_kind::version:
            out.text(version_text()).end();
            break;
        case view_kind::state:
            for (const char* const each : {"active", "paused", "suspended"})
                out.text(each).text(std::string_view{each} == "active" ? "yes" : "no").end();
            break;
        case view_kind::pools:
            show_pools(from, out);
            break;
        case view_kind::stats:
            show_stats(from, out, true, true);
            break;
        case view_kind::stats_totals:
            show_stats(from, out, true, false);
            break;
        case view_kind::stats_averages:
            show_stats(from, out, false, true);
            break;
        case view_kind::totals:
            show_totals(from, out);
            break;
        case view_kind::servers:
            show_servers(from, out);
            break;
        case view_kind::clients:
            show_clients(from, made);
            break;
        case view_kind::databases:
            show_databases(from, out);
            break;
        case view_kind::lists:
            show_lists(from, out);
            break;
        case view_kind::users:
            show_users(from, out);
            break;
        case view_kind::config:
            show_config(from, out);
            break;
        case view_kind::mem:
            show_mem(from, out);
            break;
        case view_kind::shards:
            show_shards(from, out);
            break;
        case view_kind::replicas:
            show_replicas(from, out);
            break;
        case view_kind::breakers:
            show_breakers(from, out);
            break;
    }
    return made;
}

}  // namespace ashlar::proxy
