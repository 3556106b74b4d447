// reach.hpp: which relations the code of a database can touch, through whatever it calls and whatever the server does on its own
// (views, triggers, rules, policies …). Names are taken without the types of arguments: all functions of a name are one. Pure.
#pragma once

#include "route/code.hpp"
#include "route/effects.hpp"
#include "route/schema_objects.hpp"

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace ashlar::route {

class reach {
public:
    // The objects of all databases that matter, taken together.
    explicit reach(const schema_objects& all, code_language language);

    const std::map<std::string, own_function, std::less<>>& functions() const noexcept { return functions_; }

    // What happens when the text is run.
    effects of_text(std::string_view text) const;
    effects of_function(const std::string& name) const;
    // The same, without these relations where the text itself names them, and what follows from that.
    effects of_text_beside(std::string_view text, const std::set<std::string>& relations) const;
    effects of_function_beside(const std::string& name, const std::set<std::string>& relations) const;
    // What happens, beside the obvious, when the relation is read ("schema.name").
    effects of_reading(const std::string& relation) const;

private:
    // A piece of code: what it does itself, and what it leads to.
    struct node {
        effects does;
        effects own;  // before anything else was followed
        std::set<std::string> calls, relations;
    };
    node make_node(const code_facts& code) const;
    node make_function(const schema_objects::function& f) const;
    void add(const std::string& name, node made);
    void settle();
    effects everything_of(const node& n) const;
    effects beside(node n, const std::set<std::string>& relations) const;

    code_language language_;
    std::map<std::string, std::vector<std::string>, std::less<>> by_name_;  // relation's name → "schema.name"
    std::set<std::string> views_;
    std::map<std::string, own_function, std::less<>> functions_;
    std::set<std::string, std::less<>> function_names_;
    std::map<std::string, std::string> own_operators_;           // operator → function
    std::map<std::string, std::vector<std::string>> own_types_;  // type → functions of its checks and casts
    std::map<std::string, node> nodes_;                          // "f name", "r schema.name", "w schema.name"
};

}  // namespace ashlar::route
