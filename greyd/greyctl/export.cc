#include "greyd/greyctl/export.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string_view>
#include <utility>

#include "greyd/base/files.h"
#include "greyd/base/text.h"
#include "greyd/greyctl/progress.h"
#include "greyd/imports/json_reader.h"

namespace grey::greyctl {
namespace {

using nlohmann::json;

constexpr std::size_t kPiece = std::size_t{1} << 18;  // octets that are written at once
constexpr mode_t kMode = 0600;                        // whom people write to is not for all to read

// Where the text goes.
class Target {
 public:
  static Result<Target> open(const std::string& path) {
    Target target;
    if (path.empty()) {
      std::signal(SIGPIPE, SIG_IGN);  // see is_left()
      return target;
    }
    struct stat status {};
    const bool there = ::stat(path.c_str(), &status) == 0;
    if (there && !S_ISREG(status.st_mode)) {
      return misuse("--output: " + path + " is no regular file: use > for it");
    }
    // A link to itself, say, would be replaced.
    if (!there && errno != ENOENT) return tl::make_unexpected(system_error("write", path, errno));
    auto file = NewFile::begin(path, true);
    if (!file) return tl::make_unexpected(file.error());
    target.file_.emplace(std::move(*file));
    return target;
  }

  Result<void> write(std::string_view text) {
    if (file_) return file_->write(text);
    const int error = write_all(STDOUT_FILENO, text);
    if (error == 0) return {};
    return tl::make_unexpected(system_error("write", "to standard output", error));
  }
  Result<void> finish() { return file_ ? file_->put_in_place({kMode, {}, {}}) : Result<void>(); }
  bool is_terminal() const { return !file_ && ::isatty(STDOUT_FILENO) != 0; }
  // Whether the error says that nobody reads any more.
  bool is_left(const Error& error) const { return !file_ && error.number == EPIPE; }

 private:
  std::optional<NewFile> file_;
};

tl::unexpected<Error> cut() {
  return failure("the daemon has gone before its answer was whole");
}

// A line that is not a record: the answer's end, or why there is none.
Result<json> last_of(const std::string& line) {
  json object = json::parse(line, nullptr, false);
  if (!object.is_object() || !(object.contains("error") || object.contains("done"))) {
    return failure("the answer is none of a daemon's: " + to_word(line.substr(0, 200)));
  }
  if (!object.contains("error")) return object;
  return tl::make_unexpected(
      Error{object.value("error", ""), object.value("exit_code", kExitSystemFailure)});
}

// The terms that records are kept on there.
Result<Terms> terms_of(Channel& channel) {
  if (auto sent = channel.send(R"({"command":"status"})"); !sent) {
    return tl::make_unexpected(sent.error());
  }
  const auto line = channel.receive(false);
  if (!line) return tl::make_unexpected(line.error());
  if (!*line) return cut();
  const auto status = last_of(**line);
  if (!status) return tl::make_unexpected(status.error());
  const json policy = status->value("policy", json::object());
  Terms terms;
  terms.min_resend = policy.value("min_resend", terms.min_resend);
  terms.resend_window = policy.value("resend_window", terms.resend_window);
  terms.timeout = policy.value("timeout", terms.timeout);
  terms.client_passes = policy.value("client_passes", terms.client_passes);
  return terms;
}

// Makes text of the lines of an answer to `list`.
class Conversion {
 public:
  explicit Conversion(std::unique_ptr<imports::Writer> writer)
      : writer_(std::move(writer)), reader_(imports::json_reader("answer", visit())) {
    if (writer_) writer_->begin(text);
  }

  Result<void> take(std::string& line) {
    line += '\n';
    if (writer_) return reader_->feed(line);
    text += line;
    return {};
  }
  void end() {
    if (writer_) writer_->end(text);
  }

  std::string text;
  std::size_t left_out = 0;

 private:
  imports::Visit visit() {
    return [this](const imports::Item& item) {
      const auto* const record = std::get_if<imports::Record>(&item.what);
      if (record == nullptr || !writer_->add(text, *record)) ++left_out;
    };
  }

  const std::unique_ptr<imports::Writer> writer_;  // none: as it comes
  const std::unique_ptr<imports::Reader> reader_;
};

// To the answer's end, but not that of the text.
Result<void> stream(Channel& channel, Conversion& conversion, Target& target) {
  if (auto sent = channel.send(R"({"command":"list"})"); !sent) return sent;
  ProgressLine progress;
  const bool tells = !target.is_terminal();  // where it would stand among the records
  for (std::uint64_t records = 0;; ++records) {
    auto line = channel.receive(false);
    if (tells) {
      progress.tell([&] { return "exporting: " + std::to_string(records) + " records"; });
    }
    if (!line) return tl::make_unexpected(line.error());
    if (!*line) return cut();
    if (!(*line)->starts_with(R"({"state":)")) {
      const auto last = last_of(**line);
      return last ? Result<void>() : tl::make_unexpected(last.error());
    }
    if (auto taken = conversion.take(**line); !taken) return taken;
    if (conversion.text.size() < kPiece) continue;
    if (auto written = target.write(conversion.text); !written) return written;
    conversion.text.clear();
  }
}

Result<void> write_all_of(Channel& channel, Conversion& conversion, Target& target) {
  if (auto streamed = stream(channel, conversion, target); !streamed) return streamed;
  conversion.end();
  if (auto written = target.write(conversion.text); !written) return written;
  return target.finish();
}

}  // namespace

Result<int> export_records(const Export& what, Channel& channel) {
  imports::WriterSettings settings;
  if (what.form == imports::ExportForm::relaytofrom) {
    const auto terms = terms_of(channel);
    if (!terms) return tl::make_unexpected(terms.error());
    settings.terms = *terms;
  }
  auto target = Target::open(what.output);
  if (!target) return tl::make_unexpected(target.error());
  Conversion conversion(imports::writer_of(what.form, settings));
  if (auto done = write_all_of(channel, conversion, *target); !done) {
    if (target->is_left(done.error())) return kExitSystemFailure;
    return tl::make_unexpected(done.error());
  }
  if (conversion.left_out > 0) {
    std::fprintf(stderr, "greyctl: left out: %zu, for which %s has no place\n", conversion.left_out,
                 std::string(to_string(what.form)).c_str());
  }
  return 0;
}

}  // namespace grey::greyctl
