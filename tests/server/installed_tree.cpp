// The tree as it is installed, used by a project outside this one (tests/install): by find_package and by pkg-config.
#include "support/process.hpp"
#include "support/temporary_folder.hpp"
#include "support/text.hpp"

#include <gtest/gtest.h>
#include <filesystem>
#include <sstream>

using namespace ashlar::test;
namespace fs = std::filesystem;

namespace {

constexpr std::chrono::milliseconds patience{180'000};

command_result run_in(const std::string& folder, std::vector<std::string> arguments,
                      std::map<std::string, std::string> environment = {}) {
    command what;
    what.arguments = std::move(arguments);
    what.folder = folder;
    what.environment = std::move(environment);
    what.timeout = patience;
    return run(what);
}

std::vector<std::string> words_of(const std::string& text) {
    std::istringstream in{text};
    std::vector<std::string> words;
    for (std::string word; in >> word;) words.push_back(word);
    return words;
}

class InstalledTree : public testing::Test {
protected:
    // Installed under another prefix than the build was made for, as `make install PREFIX=…` does.
    static void SetUpTestSuite() {
        tree = std::make_unique<temporary_folder>();
        command_result done = run_in(tree->path(), {ASHLAR_CMAKE, "--install", binary_path(""), "--prefix", prefix()});
        ASSERT_TRUE(done.ok()) << done.describe();
    }
    static void TearDownTestSuite() { tree.reset(); }

    static std::string prefix() { return tree->file("prefix"); }
    static std::string library_folder() { return prefix() + "/" + ASHLAR_LIBRARY_FOLDER; }
    static void expect_it_keeps_a_row(const std::string& program) {
        temporary_folder empty;
        command_result done = run_in(empty.path(), {program});
        EXPECT_TRUE(done.ok()) << done.describe();
        EXPECT_EQ(done.out, "read back Ada\n");
        EXPECT_TRUE(fs::exists(empty.file("outside_2.db")));
    }

    static void expect_the_kit_works(const std::string& program) {
        command_result done = run_in("/", {program});
        EXPECT_TRUE(done.ok()) << done.describe();
        EXPECT_EQ(done.out, "the kit tells what is wrong\n");
    }

    static std::unique_ptr<temporary_folder> tree;
};

std::unique_ptr<temporary_folder> InstalledTree::tree;

}  // namespace

TEST_F(InstalledTree, IsFoundByCmake) {
    temporary_folder build;
    command_result done =
        run_in(build.path(), {ASHLAR_CMAKE, "-S", source_path("tests/install/by_cmake"), "-B", build.path(),
                              "-DCMAKE_PREFIX_PATH=" + prefix(), std::string{"-DCMAKE_CXX_COMPILER="} + ASHLAR_CXX,
                              std::string{"-DCMAKE_CXX_FLAGS="} + ASHLAR_CXX_FLAGS});
    ASSERT_TRUE(done.ok()) << done.describe();
    done = run_in(build.path(), {ASHLAR_CMAKE, "--build", build.path()});
    ASSERT_TRUE(done.ok()) << done.describe();
    expect_it_keeps_a_row(build.file("outside"));
    expect_the_kit_works(build.file("outside_test"));
}

namespace {

// Compiles a source of tests/install with what pkg-config says of a package.
void compile_by_pkg_config(const std::string& package, const std::string& folder, const std::string& source,
                           const std::string& program, const temporary_folder& build) {
    command_result flags =
        run_in(build.path(), {"pkg-config", "--cflags", "--libs", package}, {{"PKG_CONFIG_PATH", folder}});
    ASSERT_TRUE(flags.ok()) << flags.describe();
    EXPECT_EQ((" " + flags.out).find(" -D"), std::string::npos) << flags.out;
    std::vector<std::string> compile{ASHLAR_CXX, "-std=c++20"};
    for (auto& word : words_of(ASHLAR_CXX_FLAGS)) compile.push_back(word);
    for (auto& word : {std::string{"-o"}, program, source_path("tests/install/" + source)}) {
        compile.push_back(word);
    }
    for (auto& word : words_of(flags.out)) compile.push_back(word);
    command_result done = run_in(build.path(), compile);
    ASSERT_TRUE(done.ok()) << done.describe();
}

}  // namespace

TEST_F(InstalledTree, IsFoundByPkgConfig) {
    temporary_folder build;
    const std::string folder = library_folder() + "/pkgconfig";
    compile_by_pkg_config("ashlar", folder, "outside.cpp", build.file("outside"), build);
    expect_it_keeps_a_row(build.file("outside"));
    compile_by_pkg_config("ashlar-testkit", folder, "outside_test.cpp", build.file("outside_test"), build);
    expect_the_kit_works(build.file("outside_test"));
}

TEST_F(InstalledTree, NamesNoFolderOfItsBuild) {
    int seen = 0;
    for (const auto& entry : fs::recursive_directory_iterator{prefix()}) {
        const std::string kind = entry.path().extension();
        if (kind != ".pc" && kind != ".cmake" && kind != ".hpp" && kind != ".service") continue;
        ++seen;
        const std::string text = read_file(entry.path());
        EXPECT_EQ(text.find(ASHLAR_SOURCE_DIR), std::string::npos) << entry.path();
        EXPECT_EQ(text.find(prefix()), std::string::npos) << entry.path() << " cannot be moved";
    }
    EXPECT_GT(seen, 10);
}

TEST_F(InstalledTree, HoldsAProgramThatRuns) {
    command_result done = run_in(tree->path(), {prefix() + "/bin/ashlar", "--version"});
    EXPECT_TRUE(done.ok()) << done.describe();
    EXPECT_EQ(done.out.substr(0, 7), "ashlar ") << done.out;
}
