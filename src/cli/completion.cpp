#include "cli/completion.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace ashlar::cli {

namespace {

// A command with the words that lead to it: {"dev", "start"}.
struct node {
    std::vector<std::string> path;
    const command_description* what;
};

void collect(const command_description& from, const std::vector<std::string>& path, std::vector<node>& into) {
    into.push_back({path, &from});
    for (const command_description& each : from.commands) {
        std::vector<std::string> below = path;
        below.push_back(each.name);
        collect(each, below, into);
    }
}

std::vector<node> all_of(const command_description& program) {
    std::vector<node> all;
    collect(program, {}, all);
    return all;
}

std::string spaced(const std::vector<std::string>& words) {
    return fmt::format("{}", fmt::join(words, " "));
}

// The words that may stand next: commands, options, choices of an argument.
std::vector<std::string> next_words(const command_description& at) {
    std::vector<std::string> words;
    for (const command_description& each : at.commands) words.push_back(each.name);
    for (const option_description& each : at.options) {
        const auto& more = each.names.empty() ? each.choices : each.names;
        words.insert(words.end(), more.begin(), more.end());
    }
    return words;
}

bool takes_a_file(const command_description& at) {
    for (const option_description& each : at.options) {
        if (each.names.empty() && each.is_file) return true;
    }
    return false;
}

// --- bash ---------------------------------------------------------------------------------------------------------

std::string bash(const std::vector<node>& all) {
    std::string steps, values, words;
    for (const node& each : all) {
        const std::string path = spaced(each.path);
        for (const command_description& below : each.what->commands) {
            steps += fmt::format("            \"{}:{}\") path=\"{}\" ;;\n", path, below.name,
                                 path.empty() ? below.name : path + " " + below.name);
        }
        for (const option_description& o : each.what->options) {
            if (o.names.empty() || !o.takes_value) continue;
            std::string pattern;
            for (const std::string& name : o.names) {
                pattern += fmt::format("{}\"{}:{}\"", pattern.empty() ? "" : " | ", path, name);
            }
            const std::string give = o.is_file ? "-f" : fmt::format("-W \"{}\"", spaced(o.choices));
            values += fmt::format("        {}) COMPREPLY=($(compgen {} -- \"$cur\")); return ;;\n", pattern, give);
        }
        words += fmt::format("        \"{}\") words=\"{}\"; files={} ;;\n", path, spaced(next_words(*each.what)),
                             takes_a_file(*each.what) ? "-f" : "");
    }
    return fmt::format(R"(# bash completion for ashlar, printed by `ashlar completion bash`.
_ashlar() {{
    local cur=${{COMP_WORDS[COMP_CWORD]}} prev=${{COMP_WORDS[COMP_CWORD - 1]}} path="" words="" files="" i
    for ((i = 1; i < COMP_CWORD; i++)); do
        case "$path:${{COMP_WORDS[i]}}" in
{}        esac
    done
    case "$path:$prev" in
{}    esac
    case "$path" in
{}    esac
    COMPREPLY=($(compgen -W "$words" $files -- "$cur"))
}}
complete -o filenames -o bashdefault -F _ashlar ashlar
)",
                       steps, values, words);
}

// --- zsh ----------------------------------------------------------------------------------------------------------

// Within a '[…]' of _arguments, in single quotes.
std::string zsh_text(std::string_view text) {
    std::string out;
    for (const char c : text) {
        if (c == '[' || c == ']' || c == ':' || c == '\\') out += '\\';
        if (c == '\'') {
            out += "'\\''";
        } else {
            out += c;
        }
    }
    return out;
}

std::string zsh_value(const option_description& o) {
    if (!o.choices.empty()) return fmt::format(":value:({})", spaced(o.choices));
    return o.is_file ? ":file:_files" : ":value: ";
}

std::string zsh_options(const command_description& at) {
    std::string out;
    for (const option_description& o : at.options) {
        if (o.names.empty()) continue;
        for (const std::string& name : o.names) {
            out += fmt::format(" \\\n                '({}){}[{}]{}'", spaced(o.names), name, zsh_text(o.summary),
                               o.takes_value ? zsh_value(o) : "");
        }
    }
    return out;
}

std::string zsh_function(const node& at) {
    std::string name = "_ashlar";
    for (const std::string& word : at.path) name += "_" + word;
    std::string body = fmt::format("{}() {{\n", name);
    if (at.what->commands.empty()) {
        std::string arguments = zsh_options(*at.what);
        for (const option_description& o : at.what->options) {
            if (o.names.empty()) arguments += fmt::format(" \\\n                '*{}'", zsh_value(o));
        }
        return body + "    _arguments" + arguments + "\n}\n";
    }
    body +=
        "    local state line\n    _arguments -C" + zsh_options(*at.what) +
        " \\\n                '1: :->command' '*:: :->rest'\n    case $state in\n        command) local -a commands=(";
    for (const command_description& each : at.what->commands) {
        body += fmt::format("\n            '{}:{}'", each.name, zsh_text(each.summary));
    }
    body += ")\n            _describe command commands ;;\n        rest) case $line[1] in\n";
    for (const command_description& each : at.what->commands) {
        body += fmt::format("            {}) {}_{} ;;\n", each.name, name, each.name);
    }
    return body + "        esac ;;\n    esac\n}\n";
}

std::string zsh(const std::vector<node>& all) {
    std::string out = "#compdef ashlar\n# zsh completion for ashlar, printed by `ashlar completion zsh`.\n";
    for (const node& each : all) out += zsh_function(each);
    return out + "_ashlar \"$@\"\n";
}

// --- fish ---------------------------------------------------------------------------------------------------------

std::string fish_text(std::string_view text) {
    std::string out = "'";
    for (const char c : text) {
        if (c == '\'' || c == '\\') out += '\\';
        out += c;
    }
    return out + "'";
}

std::string fish_condition(const node& at) {
    if (at.path.empty()) return "__fish_use_subcommand";
    std::string out;
    for (const std::string& word : at.path) {
        out += (out.empty() ? "" : "; and ") + ("__fish_seen_subcommand_from " + word);
    }
    for (const command_description& each : at.what->commands) {
        out += "; and not __fish_seen_subcommand_from " + each.name;
    }
    return out;
}

std::string fish(const std::vector<node>& all) {
    std::string out = "# fish completion for ashlar, printed by `ashlar completion fish`.\ncomplete -c ashlar -f\n";
    for (const node& each : all) {
        const std::string when = fish_text(fish_condition(each));
        for (const command_description& below : each.what->commands) {
            out += fmt::format("complete -c ashlar -n {} -a {} -d {}\n", when, below.name, fish_text(below.summary));
        }
        for (const option_description& o : each.what->options) {
            std::string line = fmt::format("complete -c ashlar -n {}", when);
            for (const std::string& name : o.names) {
                line += name.starts_with("--") ? " -l " + name.substr(2) : " -s " + name.substr(1);
            }
            if (o.takes_value) line += o.is_file ? " -r -F" : " -x";
            if (!o.choices.empty()) line += " -a " + fish_text(spaced(o.choices));
            if (o.names.empty() && o.is_file) line += " -F";
            if (o.names.empty() && !o.is_file && o.choices.empty()) continue;
            out += line + " -d " + fish_text(o.summary) + "\n";
        }
    }
    return out;
}

}  // namespace

std::string completion_script(const command_description& program, std::string_view shell) {
    const std::vector<node> all = all_of(program);
    if (shell == "bash") return bash(all);
    if (shell == "zsh") return zsh(all);
    if (shell == "fish") return fish(all);
    return "";
}

}  // namespace ashlar::cli
