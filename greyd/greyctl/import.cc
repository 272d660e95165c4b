#include "greyd/greyctl/import.h"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <unordered_set>
#include <utility>

#include "greyd/base/text.h"
#include "greyd/control/commands.h"
#include "greyd/core/entries.h"
#include "greyd/core/key.h"
#include "greyd/greyctl/ask.h"
#include "greyd/greyctl/progress.h"
#include "greyd/imports/judge.h"
#include "greyd/imports/source.h"
#include "greyd/imports/tally.h"
#include "greyd/net/clock.h"
#include "greyd/state/record_text.h"

namespace grey::greyctl {
namespace {

using imports::Item;
using nlohmann::json;

// A request being made: objects of one list, or lines of one text.
class Batch {
 public:
  Batch(std::string begin, std::string_view between, std::string_view end)
      : begin_(std::move(begin)), between_(between), end_(end), text_(begin_) {}

  static constexpr std::size_t kMost = Request::kMaxSize - 256;  // octets, with what is around them
  bool has_room(std::string_view piece) const {
    return count_ < Commands::kMaxImported && text_.size() + piece.size() < kMost;
  }
  // REQUIRES: has_room().
  void add(std::string_view piece) {
    if (count_++ > 0) text_ += between_;
    text_ += piece;
  }
  bool empty() const { return count_ == 0; }
  // The request; the next one begins.
  std::string take() {
    count_ = 0;
    return std::exchange(text_, begin_).append(end_);
  }

 private:
  const std::string begin_;
  const std::string_view between_, end_;
  std::string text_;
  std::size_t count_ = 0;
};

// Records as lines, in a text of JSON.
Batch batch_of_lines(bool dry_run) {
  return {dry_run ? R"({"command":"import","dry_run":true,"lines":")"
                  : R"({"command":"import","lines":")",
          "\\n", "\"}"};
}

// A line of a context file, as it stands in such a text: of what needs it there it has no more.
void append_quoted(std::string& out, std::string_view line) {
  for (const char c : line) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
}

std::string_view without_newline(std::string_view line) {
  return line.ends_with('\n') ? line.substr(0, line.size() - 1) : line;
}

std::string entry_object(const Entry& entry) {
  std::string out;
  JsonLine line(out);
  line.text("list", entry.kind == Entry::Kind::allow ? "allow" : "block");
  line.word("entry", entry.text).number("since", entry.since);
  if (entry.until) line.number("until", *entry.until);
  line.end();
  return out;
}

// A line of the answer to `entries`.
Entry entry_of(const json& line) {
  Entry entry;
  entry.kind = line.value("list", "") == "block" ? Entry::Kind::block : Entry::Kind::allow;
  entry.text = read_word(line.value("entry", "")).value_or("");
  entry.since = line.value("since", Seconds{0});
  if (line.contains("until")) entry.until = line.value("until", Seconds{0});
  entry.by = line.value("by", "");
  return entry;
}

class Import {
 public:
  Import(const ImportWanted& wanted, Sources& sources, Channel& channel, const Print& print)
      : wanted_(wanted), sources_(sources), channel_(channel), print_(print) {}

  Result<int> run() {
    auto done = look();
    if (done) done = read_all(&Import::plan, "reading");
    if (done && !wanted_.dry_run) done = send_entries();
    if (done) done = read_all(&Import::take, wanted_.dry_run ? "asking about" : "taking");
    if (done) done = send_records();
    if (auto settled = settle(); done) done = settled;
    progress_.clear();
    if (!done) return tl::make_unexpected(with_taken(done.error()));
    if (wanted_.dry_run) print_("nothing is changed; it would be\n");
    print_(tally_.text());
    return 0;
  }

 private:
  using Take = void (Import::*)(const Item&);

  // What the daemon is: its policy, its clock, its entries.
  Result<void> look() {
    const auto status = ask(R"({"command":"status"})");
    if (!status) return tl::make_unexpected(status.error());
    const auto policy = policy_of(*status);
    if (!policy) return failure("the daemon does not say its policy: is it of another version?");
    policy_ = *policy;
    keys_.emplace(policy_);
    now_ = status->value("now", wall_clock());
    const auto put = [this](const json& line, const std::string&) {
      return void(entries_.put(entry_of(line)));
    };
    const auto entries = greyctl::ask(channel_, R"({"command":"entries"})", put);
    if (!entries) return tl::make_unexpected(entries.error());
    return {};
  }

  Result<void> read_all(Take each, const char* what) {
    for (imports::Source& source : sources_) {
      const std::string& path = source.path();
      std::uint64_t items = 0;
      const auto visit = [&](const Item& item) {
        if (++items % kItemsPerLook == 0) stay([&] { return std::to_string(items); }, what, path);
        if (!error_) (this->*each)(item);
      };
      const auto come = [&](std::uint64_t octets, std::uint64_t of) {
        stay([&] { return std::to_string(octets * 100 / std::max<std::uint64_t>(of, 1)) + "%"; },
             what, path);
      };
      imports::Settings settings = wanted_.settings;
      settings.now = now_;
      const auto read = source.read(settings, visit, come);
      if (error_) return tl::make_unexpected(*error_);
      if (!read) return tl::make_unexpected(with_reader(read.error()));
      if (each == &Import::plan) tally_.add(read->sums);
    }
    return {};
  }

  // To be called again and again while a source is read: says how far it is, and sees that the
  // daemon does not take us for gone.
  template <typename HowFar>
  void stay(HowFar how_far, const char* what, const std::string& path) {
    progress_.tell([&] { return std::string(what) + " " + path + ": " + how_far(); });
    if (!error_ && monotonic_clock() - asked_ >= kQuiet) {
      if (auto said = ask(R"({"command":"stats"})"); !said) error_ = said.error();
    }
  }

  // The first time: what is not for the daemon, and what becomes of its entries.
  void plan(const Item& item) {
    const auto judged = imports::judge(item, policy_, now_);
    if (const auto* skip = std::get_if<imports::Skip>(&judged)) {
      return tally_.skipped(item, skip->reason);
    }
    const auto* const entry = std::get_if<Entry>(&judged);
    if (entry == nullptr) return;
    const auto merged = entries_.merge(*entry);
    if (!merged && merged.error().exit_code == kExitMisuse) {
      return tally_.skipped(item, imports::Reason::no_entry);
    }
    if (!merged) {
      error_ = Error{to_string(item.place) + ": " + merged.error().text};
    } else if (*merged) {
      tally_.took_entry();
      has_entries_ = true;
    } else {
      tally_.had();
    }
  }

  // The second time: records.
  void take(const Item& item) {
    const auto judged = imports::judge(item, policy_, now_);
    const auto* const record = std::get_if<SavedRecord>(&judged);
    if (record == nullptr) return;
    const bool again = has_come(*record);
    if (again) tally_.repeated();
    if (again && wanted_.dry_run) return;
    Batch& batch = again ? repeats_ : records_;
    line_.clear();
    append_record(line_, *record);
    quoted_.clear();
    append_quoted(quoted_, without_newline(line_));
    if (!batch.has_room(quoted_)) {
      if (auto sent = send_records(); !sent) {
        error_ = sent.error();
        return;
      }
    }
    if (!batch.has_room(quoted_)) return tally_.skipped(item, imports::Reason::no_octets);
    batch.add(quoted_);
  }

  // Whether one of this client or triplet has come before: it is one record, and counts once. So a
  // dry run, which is told of each record by itself, says what is taken.
  bool has_come(const SavedRecord& record) {
    std::string_view key;
    if (record.client.is_sent()) {
      put_sent(sent_key_, record.sender, record.recipient);
      key = sent_key_;
    } else {
      keys_->envelope(record.client, record.sender);
      const bool is_client = is_of_client(record.record_class);
      key = is_client ? keys_->client() : keys_->triplet(record.recipient);
    }
    const std::uint64_t hash = std::hash<std::string_view>()(key);
    if (come_.size() < kMostTold) return !come_.insert(hash).second;
    return come_.contains(hash);
  }

  Result<void> send_records() {
    if (auto sent = send_first(); !sent || repeats_.empty()) return sent;
    const auto counts = ask(repeats_.take());
    return counts ? Result<void>() : tl::make_unexpected(counts.error());
  }

  // While the daemon takes these the next ones are read.
  Result<void> send_first() {
    if (records_.empty()) return {};
    if (auto settled = settle(); !settled) return settled;
    asked_ = monotonic_clock();
    waiting_ = true;
    return channel_.send(records_.take());
  }

  // What has become of those that were sent last.
  Result<void> settle() {
    if (!std::exchange(waiting_, false)) return {};
    const auto last = answer_of(channel_, [](const json&, const std::string&) {});
    if (!last) return tl::make_unexpected(last.error());
    const json& counts = last->object;
    for (auto n = counts.value("taken", 0U); n > 0; --n) tally_.took_record();
    for (auto n = counts.value("had", 0U); n > 0; --n) tally_.had();
    for (auto n = counts.value("over", 0U); n > 0; --n) {
      tally_.skipped({}, imports::Reason::expired);
    }
    return {};
  }

  // All that are by import, also of former ones: the daemon knows which it has.
  Result<void> send_entries() {
    if (!has_entries_) return {};
    Batch batch(R"({"command":"import","entries":[)", ",", "]}");
    Result<void> outcome;
    const auto send = [&] {
      if (batch.empty() || !outcome) return;
      const auto sent = ask(batch.take());
      if (!sent) outcome = tl::make_unexpected(sent.error());
      if (sent) sent_entries_ += sent->value("taken", 0U);
    };
    entries_.for_each([&](const Entry& entry) {
      if (entry.by != "import") return;
      const std::string object = entry_object(entry);
      if (!batch.has_room(without_newline(object))) send();
      batch.add(without_newline(object));
    });
    send();
    return outcome;
  }

  Result<json> ask(const std::string& request) {
    if (auto settled = settle(); !settled) return tl::make_unexpected(settled.error());
    asked_ = monotonic_clock();
    auto answer = greyctl::ask(channel_, request, [](const json&, const std::string&) {});
    if (!answer) return tl::make_unexpected(answer.error());
    return std::move(answer->object);
  }

  // Of a tree: root has become the owner of the context file by then.
  static Error with_reader(Error error) {
    if (error.number != EACCES) return error;
    error.text += " (a tree is read as uid:" + std::to_string(::geteuid()) +
                  "; for a running daemon root reads it)";
    return error;
  }

  Error with_taken(Error error) const {
    if (wanted_.dry_run || (tally_.records() == 0 && sent_entries_ == 0)) return error;
    error.text += "; before that " + std::to_string(tally_.records()) + " records ";
    if (sent_entries_ > 0) error.text += "and " + std::to_string(sent_entries_) + " entries ";
    error.text += "were taken, and stay";
    return error;
  }

  static constexpr std::uint64_t kItemsPerLook = 256;
  static constexpr Seconds kQuiet = 60;  // the daemon waits ten times as long

  const ImportWanted& wanted_;
  Sources& sources_;
  Channel& channel_;
  const Print& print_;
  ProgressLine progress_;
  Policy policy_;
  Seconds now_ = 0;  // the daemon's
  Seconds asked_ = 0;
  bool waiting_ = false;  // for the answer to a batch
  Entries entries_;       // the daemon's, as they will be
  bool has_entries_ = false;
  std::uint64_t sent_entries_ = 0;  // that were taken
  Batch records_ = batch_of_lines(wanted_.dry_run);
  Batch repeats_ = batch_of_lines(false);  // of what has come before
  std::optional<KeyBuilder> keys_;
  // Hashes of keys: of more records than that it is not told which have come before.
  static constexpr std::size_t kMostTold = 4'000'000;
  std::unordered_set<std::uint64_t> come_;
  std::string line_, quoted_, sent_key_;
  imports::Tally tally_;
  std::optional<Error> error_;  // of what a visit has done
};

}  // namespace

Result<Sources> open_sources(const ImportWanted& wanted) {
  // Each is kept open, and a shell's pattern may name more than a process has by default.
  rlimit files{};
  if (::getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur < files.rlim_max) {
    files.rlim_cur = files.rlim_max;
    (void)::setrlimit(RLIMIT_NOFILE, &files);
  }
  Sources sources;
  for (const std::string& path : wanted.sources) {
    auto source = imports::Source::open(path, wanted.form);
    if (!source) return tl::make_unexpected(source.error());
    sources.push_back(std::move(*source));
  }
  return sources;
}

Result<int> import_sources(const ImportWanted& wanted, Sources& sources, Channel& channel,
                           const Print& print) {
  return Import(wanted, sources, channel, print).run();
}

}  // namespace grey::greyctl
