#include "cli/load/journal.hpp"

#include "support/temporary_folder.hpp"
#include "support/text.hpp"

#include <fstream>

namespace {

using namespace ashlar;
using cli::load::journal;
using cli::load::journal_head;

const journal_head orders{"public.orders", "csv 2c ", "id,user_id,", "sqlite:a sqlite:b"};

TEST(Journal, GivesTheSameIdToWhoGoesOn) {
    test::temporary_folder folder;
    std::string id;
    {
        journal first;
        ASSERT_TRUE(first.open(folder.file("j"), orders, false));
        EXPECT_FALSE(first.resumes());
        id = first.id();
        ASSERT_TRUE(first.note_bad_row(17, "no number", 42));
    }
    journal second;
    ASSERT_TRUE(second.open(folder.file("j"), orders, false));
    EXPECT_TRUE(second.resumes());
    EXPECT_EQ(second.id(), id);
    EXPECT_EQ(second.bad_rows().at(17), "no number");
    EXPECT_EQ(second.bad_file_length(), 42u);
}

TEST(Journal, OverlooksALastLineThatWasTorn) {
    test::temporary_folder folder;
    std::string id;
    {
        journal first;
        ASSERT_TRUE(first.open(folder.file("j"), orders, false));
        id = first.id();
    }
    std::ofstream{folder.file("j"), std::ios::app} << "{\"bad\": 1";
    {
        journal second;
        ASSERT_TRUE(second.open(folder.file("j"), orders, false));
        EXPECT_EQ(second.id(), id);
        EXPECT_TRUE(second.bad_rows().empty());
        ASSERT_TRUE(second.note_bad_row(3, "x", 9));
    }
    journal third;
    ASSERT_TRUE(third.open(folder.file("j"), orders, false));
    EXPECT_EQ(third.bad_rows().size(), 1u);
}

TEST(Journal, OfSomethingElseIsRefusedUntilItIsForgotten) {
    test::temporary_folder folder;
    journal_head users = orders;
    users.table = "public.users";
    {
        journal first;
        ASSERT_TRUE(first.open(folder.file("j"), orders, false));
    }
    {
        journal other;
        const status refused = other.open(folder.file("j"), users, false);
        ASSERT_FALSE(refused);
        EXPECT_EQ(refused.error(), errc::invalid_argument);
    }
    journal anew;
    EXPECT_TRUE(anew.open(folder.file("j"), users, true));
    EXPECT_FALSE(anew.resumes());
}

TEST(Journal, TellsThatALoadCameToItsEnd) {
    test::temporary_folder folder;
    {
        journal first;
        ASSERT_TRUE(first.open(folder.file("j"), orders, false));
        ASSERT_TRUE(first.finish("9 bytes 00ff", 3));
    }
    {
        journal second;
        ASSERT_TRUE(second.open(folder.file("j"), orders, false));
        ASSERT_TRUE(second.finished().has_value());
        EXPECT_EQ(second.finished()->file, "9 bytes 00ff");
        EXPECT_EQ(second.finished()->rows, 3u);
    }
    journal_head users = orders;
    users.table = "public.users";
    journal other;
    ASSERT_TRUE(other.open(folder.file("j"), users, false)) << "it stands in nobody's way";
    EXPECT_FALSE(other.finished().has_value());
    EXPECT_FALSE(other.resumes());
}

TEST(Journal, KeepsASecondLoadOut) {
    test::temporary_folder folder;
    journal first, second;
    ASSERT_TRUE(first.open(folder.file("j"), orders, false));
    EXPECT_FALSE(second.open(folder.file("j"), orders, false));
}

}  // namespace
