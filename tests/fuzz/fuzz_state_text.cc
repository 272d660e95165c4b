// A context file or journal that anything may have happened to: reading ends, and what was read is
// read again, the same, from what is written of it.
#include <string>
#include <vector>

#include "greyd/state/context_text.h"
#include "greyd/state/journal_text.h"
#include "greyd/state/record_text.h"
#include "tests/fuzz/require.h"

using namespace grey;

namespace {

std::string lines_of(std::string_view text, ContextContent& content, ContextComposer& composer) {
  std::string lines;
  content = read_context(text, [&](const SavedRecord& record) {
    append_record(lines, record);
    composer.add(record);
  });
  return lines;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::vector<char> copy(data, data + size);
  const std::string_view text(copy.data(), size);

  ContextContent content, again;
  ContextComposer composer(ContextForm::qmail_greyd), unused(ContextForm::qmail_greyd);
  composer.begin();
  const std::string lines = lines_of(text, content, composer);
  composer.finish();
  REQUIRE(composer.records() == content.records);
  const std::string written(composer.take_buffer());
  REQUIRE(lines_of(written, again, unused) == lines);
  REQUIRE(again.damage.empty() && again.form == ContextForm::qmail_greyd);
  REQUIRE(again.records == content.records);

  std::size_t changes = 0;
  const JournalContent journal = read_journal(text, [&](const SavedRecord&) { ++changes; });
  REQUIRE(changes == journal.changes);
  REQUIRE(journal.good_size <= size);
  return 0;
}
