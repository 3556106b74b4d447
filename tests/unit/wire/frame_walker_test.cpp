#include "wire/frame_walker.hpp"
#include "wire/server_messages.hpp"

using namespace ashlar;
using namespace ashlar::wire;

namespace {

struct seen {
    char type;
    frame::part which;
    std::string body;
    friend bool operator==(const seen&, const seen&) = default;
};

// Walks `stream` in chunks of this size.
std::vector<seen> walk(frame_walker& walker, std::string_view stream, std::size_t chunk_size) {
    std::vector<seen> all;
    while (!stream.empty()) {
        std::string chunk{stream.substr(0, chunk_size)};
        stream.remove_prefix(chunk.size());
        std::string_view rest = chunk;
        while (auto f = walker.next(rest)) all.push_back({f->type, f->which, std::string{f->body}});
        if (!walker.broken()) {
            EXPECT_TRUE(rest.empty());
        }
    }
    return all;
}

std::string answer_of(int rows) {
    std::string bytes;
    columns shape(1);
    write_row_description(bytes, shape);
    const std::vector<cell> cells{cell{"some bytes of a row"}};
    for (int i = 0; i < rows; ++i) write_data_row(bytes, cells);
    write_command_complete(bytes, "SELECT 3");
    write_ready_for_query(bytes, transaction_state::in_transaction);
    return bytes;
}

const type_set ends{server_says::ready_for_query, server_says::command_complete};

}  // namespace

TEST(FrameWalker, FindsTheSameMessagesHoweverTheStreamIsSplit) {
    const std::string stream = answer_of(3) + answer_of(0);
    for (std::size_t size = 1; size <= stream.size(); ++size) {
        frame_walker walker{ends};
        const auto all = walk(walker, stream, size);
        ASSERT_EQ(all.size(), 4u) << "chunks of " << size;
        EXPECT_EQ(all[0], (seen{'C', frame::part::whole, std::string{"SELECT 3\0", 9}}));
        EXPECT_EQ(all[1], (seen{'Z', frame::part::whole, "T"}));
        EXPECT_EQ(all[3].body, "T");
        EXPECT_TRUE(walker.at_boundary());
    }
}

TEST(FrameWalker, KnowsWhenAMessageIsHalfSeen) {
    const std::string stream = answer_of(1);
    for (std::size_t size = 1; size < stream.size(); ++size) {
        frame_walker walker{type_set::all()};
        std::string_view part = std::string_view{stream}.substr(0, size);
        std::size_t whole = 0;
        while (auto f = walker.next(part)) whole += 5 + f->size;
        EXPECT_EQ(walker.at_boundary(), whole == size) << size;
    }
}

TEST(FrameWalker, AnnouncesWhatIsTooBigAndLetsItStreamBy) {
    std::string stream;
    const std::string big(100'000, 'x');
    const std::vector<cell> cells{cell{big}};
    write_data_row(stream, cells);
    write_ready_for_query(stream, transaction_state::idle);
    for (const std::size_t size : {1u, 7u, 4096u, 1'000'000u}) {
        frame_walker walker{type_set::all(), 1024};
        const auto all = walk(walker, stream, size);
        ASSERT_EQ(all.size(), 3u);
        EXPECT_EQ(all[0], (seen{'D', frame::part::began, ""}));
        EXPECT_EQ(all[1], (seen{'D', frame::part::ended, ""}));
        EXPECT_EQ(all[2], (seen{'Z', frame::part::whole, "I"}));
    }
}

TEST(FrameWalker, BreaksOnLengthsAndTypesThatCannotBe) {
    for (const std::string& bad : {std::string("Z\0\0\0\3", 5), std::string("D\x7f\xff\xff\xff", 5),
                                   std::string("D\xff\xff\xff\xff", 5), std::string("\x80")}) {
        for (const std::size_t size : {std::size_t{1}, bad.size()}) {
            frame_walker walker{type_set::all()};
            EXPECT_TRUE(walk(walker, bad, size).empty());
            EXPECT_TRUE(walker.broken());
            std::string_view more = "Z\0\0\0\5I";
            EXPECT_FALSE(walker.next(more));
        }
    }
}

TEST(FrameWalker, AGigabyteCostsNoMemory) {
    std::string header("D\x3f\xff\xff\xff", 5);
    frame_walker walker{ends};
    std::string_view at = header;
    EXPECT_FALSE(walker.next(at));
    const std::string chunk(1 << 20, 'x');
    std::size_t left = 0x3fff'ffff - 4;
    while (left > 0) {
        std::string_view part = std::string_view{chunk}.substr(0, left);
        left -= part.size();
        EXPECT_FALSE(walker.next(part));
        EXPECT_TRUE(part.empty());
    }
    EXPECT_TRUE(walker.at_boundary());
}

TEST(FrameWalker, StopsRightBehindEachMessage) {
    const std::string stream = answer_of(2) + "rest";
    frame_walker walker{{server_says::ready_for_query}};
    std::string_view chunk = stream;
    ASSERT_TRUE(walker.next(chunk));
    EXPECT_EQ(chunk, "rest");
}
