#include "svctool/verbs/check_smtp.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <system_error>

#include "greyd/base/files.h"
#include "greyd/base/place.h"
#include "svctool/daemon/judge_daemon.h"
#include "svctool/files/rules_file.h"
#include "svctool/files/service_files.h"
#include "svctool/plan/run_edit.h"
#include "svctool/util/shell_quote.h"
#include "svctool/verbs/check.h"
#include "svctool/verbs/check_keys.h"
#include "svctool/verbs/find_services.h"

namespace grey::svctool {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMostProgram = std::size_t{16} << 20;  // bytes of a program that are read
constexpr std::size_t kMostRules = 10;                       // that are named one by one
constexpr const char* kSppPlugins = "/var/qmail/control/smtpplugins";
constexpr std::string_view kProgramPath[] = {"/command/",      "/usr/local/bin/",  "/usr/bin/",
                                             "/bin/",          "/usr/local/sbin/", "/usr/sbin/",
                                             "/var/qmail/bin/"};

// What an SMTP server asks with, besides GREYIP.
struct Asker {
  std::string key_file;  // GREYKEYFILE; empty: none
  std::string_view run;  // the script; empty: not known
};

// Each address of a GREYIP, as an SMTP server asks them.
void ask_daemons(std::string_view greyip, const Asker& asker, const std::string& where,
                 Findings& findings) {
  judge_asker_keys(greyip, asker.key_file, asker.run, where, findings);
  for (;;) {
    const std::size_t comma = greyip.find(',');
    const std::string part(greyip.substr(0, comma));
    if (const auto endpoint = parse_endpoint(part, Wildcards::refused)) {
      judge_asked_daemon(probe(*endpoint, asker.key_file), findings);
    } else {
      findings.wrong("greyip-bad", where + ": GREYIP: '" + part + "' is not an address and port",
                     "write one such as 127.0.0.1@1999", where);
    }
    if (comma == std::string_view::npos) return;
    greyip.remove_prefix(comma + 1);
  }
}

void judge_greyip(const std::string& value, const std::string& wanted, const Asker& asker,
                  const std::string& where, const std::string& remedy, const Manner& manner,
                  Findings& findings) {
  if (value.empty()) {
    findings.wrong("greyip-missing", where + ": no GREYIP, so greylisting is off", remedy, where);
    return;
  }
  if (!wanted.empty() && value != wanted) {
    findings.wrong("greyip-differs", where + ": GREYIP is '" + value + "', not '" + wanted + "'",
                   remedy + " --force", where);
  }
  if (manner.destdir.is_this_machine()) ask_daemons(value, asker, where, findings);
}

// The first GREYIP of a rule; empty: none.
std::string greyip_in(std::string_view text) {
  constexpr std::string_view kName = ",GREYIP=";
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    const std::size_t at = line.find(kName);
    if (line.starts_with('#') || at == line.npos || at + kName.size() >= line.size()) continue;
    const std::string_view value = line.substr(at + kName.size());
    const std::size_t end = value.find(value[0], 1);
    if (end != value.npos && end > 1) return std::string(value.substr(1, end - 1));
  }
  return {};
}

// What a remedy sets: what is wanted, what is set already, or an example.
std::string greyip_to_set(const std::string& wanted, const std::string& present) {
  const std::string& value = wanted.empty() ? present : wanted;
  return "svctool --greyip=" + (value.empty() ? "127.0.0.1@1999" : shell_quote(value));
}

std::string set_in_rules(const RulesFile& file, const std::string& wanted) {
  return greyip_to_set(wanted, greyip_in(file.text)) + " --tcprules=" + file.path;
}

// Of those rules that let clients in past greylisting, as a variable is not set for them.
void judge_rules_without(const RulesFile& file, const std::string& wanted, Findings& findings) {
  const auto rules = allowed_without(file.text, "GREYIP");
  for (std::size_t i = 0; i < std::min(rules.size(), kMostRules); ++i) {
    const RuleDecision& rule = rules[i];
    const bool named = rule.rule.starts_with("=");
    findings.warn(
        "rule-off",
        file.path + ", line " + std::to_string(rule.line) + ": clients of that " +
            (named ? "name" : "address") + " are not greylisted: " + rule.rule,
        "if they are to be: " + set_in_rules(file, wanted) + " --match=ADDRESS of that rule",
        file.path);
  }
  if (rules.size() > kMostRules) {
    findings.warn("rule-off",
                  file.path + ": and " + std::to_string(rules.size() - kMostRules) +
                      " more rules without GREYIP",
                  {}, file.path);
  }
}

// GREYIP in each rule that decides for the clients that are meant. Where all are denied there is
// nobody to greylist, which can hardly be meant either.
void judge_rules(const RulesFile& file, const std::string& match,
                 const std::vector<RuleDecision>& decided, const std::string& wanted,
                 const Asker& of_service, const Manner& manner, Findings& findings) {
  std::vector<std::string> asked;
  const auto key_files = decisions(file.text, match, "GREYKEYFILE");
  bool any = false;
  for (const RuleDecision& rule : decided) {
    std::string where = file.path;
    if (rule.line != 0) where += ", line " + std::to_string(rule.line);
    where += ", rule for " + (match.empty() ? "everyone else" : match);
    if (!rule.allow && decided.size() > 1) continue;
    const std::string value = rule.value.value_or("");
    if (std::ranges::find(asked, value) != asked.end() && !value.empty()) continue;
    asked.push_back(value);
    any = true;
    Asker asker = of_service;
    for (const RuleDecision& with_key : key_files.value_or(std::vector<RuleDecision>())) {
      if (with_key.line == rule.line && with_key.value) asker.key_file = *with_key.value;
    }
    judge_greyip(value, wanted, asker, where, set_in_rules(file, wanted), manner, findings);
  }
  if (!any) {
    findings.wrong("rules-deny", file.path + ": every rule denies, so nobody is greylisted",
                   "let those in who are to be greylisted", file.path);
  }
  if (match.empty()) judge_rules_without(file, wanted, findings);
}

void judge_cdb(const RulesFile& file, Findings& findings) {
  const std::string path = file.path + ".cdb";
  const std::string remedy = "tcprules " + path + " " + path + ".tmp <" + file.path;
  const auto cdb = compare_cdb(file);
  if (!cdb) {
    findings.wrong("rules-cdb-unknown", cdb.error().text, "mend that, then: " + remedy, path);
  } else if (*cdb != CdbState::same) {
    findings.wrong("rules-cdb-old",
                   path + ": not what tcprules makes of the rules, and it is what tcpserver reads",
                   remedy, path);
  }
}

void judge_rules_text(const RulesFile& file, const std::string& match, const std::string& greyip,
                      const Asker& asker, const Manner& manner, Findings& findings) {
  const auto decided = decisions(file.text, match, "GREYIP");
  if (!decided) {
    findings.wrong("rules-bad", file.path + ": " + decided.error().text,
                   "mend that line, then run tcprules", file.path);
    return;
  }
  judge_cdb(file, findings);
  judge_rules(file, match, *decided, greyip, asker, manner, findings);
}

bool is_same_file(const std::string& one, const std::string& other) {
  std::error_code error;
  return one == other || fs::equivalent(one, other, error);
}

// The text that a cdb was made of, by its usual name.
std::string text_of(const std::string& cdb) {
  constexpr std::string_view kEnd = ".cdb";
  return cdb.ends_with(kEnd) ? cdb.substr(0, cdb.size() - kEnd.size()) : std::string();
}

Result<RulesFile> rules_beside(const std::string& cdb, const Manner& manner) {
  const std::string path = text_of(cdb);
  if (path.empty()) return failure(cdb + " is no name that tcprules' text can be told from");
  return read_rules(manner.destdir.at(TargetPath(path)));
}

// GREYIP that is set in a file which no server reads does nothing.
void judge_readers(const RulesFile& file, Findings& findings) {
  std::string others;
  for (const std::string& service : find_services("").smtp) {
    const auto smtp = read_smtp_service(service);
    if (!smtp || !greyip_in_force(*smtp).value.empty()) continue;
    const SmtpRun run = read_run(*smtp);
    if (run.cdb_unknown || is_same_file(run.cdb, file.path + ".cdb")) return;
    if (!run.cdb.empty()) {
      others += (others.empty() ? "" : ", ") + run.cdb + " (" + service + ")";
    }
  }
  if (others.empty()) return;
  findings.wrong("rules-unread",
                 file.path + ".cdb: no tcpserver that asks reads it (-x); they read " + others,
                 "set GREYIP there, or name this one behind -x", file.path + ".cdb");
}

enum class Asks { yes, no, unknown };

std::string find_program(const std::string& word) {
  if (word.starts_with('/')) return word;
  if (word.find('/') != word.npos) return {};
  for (const std::string_view directory : kProgramPath) {
    const std::string path = std::string(directory) + word;
    if (::access(path.c_str(), X_OK) == 0) return path;
  }
  return {};
}

// Whether a program asks, by the names of what it would ask with: libgreylist, in whatever it is
// linked, reads GREYIP. A script may start anything else.
Asks asks(const std::string& path) {
  const auto status = status_of(path);
  if (!status || std::size_t(status->st_size) > kMostProgram) return Asks::unknown;
  const auto read = read_followed(path);
  if (!read || !*read) return Asks::unknown;
  const std::string& content = **read;
  for (const char* word : {"GREYIP", "greysmtpd", "libgreylist"}) {
    if (content.find(word) != content.npos) return Asks::yes;
  }
  if (content.find("smtpplugins") != content.npos) {
    const auto plugins = read_followed(kSppPlugins);
    if (plugins && *plugins && (*plugins)->find("greyspp") != std::string::npos) return Asks::yes;
  }
  return content.starts_with(
             "\x7f"
             "ELF")
             ? Asks::no
             : Asks::unknown;
}

// Of all that the server's command names. Programs that only set something up ask nothing.
Asks asks(const SmtpRun& run) {
  if (run.asks) return Asks::yes;
  if (!run.has_server) return Asks::unknown;
  Asks all = Asks::unknown;
  for (const std::string& word : run.programs) {
    const std::string path = find_program(word);
    if (path.empty()) continue;
    const Asks one = asks(path);
    if (one == Asks::yes) return one;
    // What comes last is the SMTP server.
    all = one;
  }
  return all;
}

void judge_asker(const SmtpService& service, const SmtpRun& run, Findings& findings) {
  const std::string& where = service.run_path;
  const std::string remedy =
      "put greysmtpd before the SMTP server there, or use a server with greylisting in it";
  switch (asks(run)) {
    case Asks::yes:
      return;
    case Asks::no:
      findings.wrong("nothing-asks",
                     where + ": nothing in it asks a greylisting daemon, so GREYIP has no effect",
                     remedy, where);
      return;
    case Asks::unknown:
      findings.note("asker-unknown",
                    where + ": whether what it starts asks a greylisting daemon is not known",
                    "if it does not: " + remedy, where);
  }
}

// GREYIP where the service itself has none: in the rules that its tcpserver reads.
void judge_rules_of(const SmtpService& service, const SmtpRun& run, const std::string& greyip,
                    const Asker& asker, const Manner& manner, Findings& findings) {
  const std::string where = greyip_in_force(service).where;
  const std::string remedy = greyip_to_set(greyip, "") + " --service=" + service.directory;
  if (run.cdb_unknown) {
    findings.warn("rules-unknown",
                  service.run_path +
                      ": which rules its tcpserver reads (-x) is made by the script, "
                      "so GREYIP in them is not checked",
                  "svctool --check --tcprules=FILE", service.run_path);
    return;
  }
  const auto file = rules_beside(run.cdb, manner);
  if (file) {
    judge_rules_text(*file, "", greyip, asker, manner, findings);
    return;
  }
  judge_greyip("", greyip, asker, where, remedy, manner, findings);
  findings.wrong("rules-unreadable",
                 run.cdb + ": its tcpserver reads it (-x), and the text of it cannot be read: " +
                     file.error().text,
                 "make that text, and the cdb of it by tcprules", run.cdb);
}

}  // namespace

SmtpRun read_run(const SmtpService& service) {
  return parse_smtp_run(service.run, [&](const std::string& name) -> std::optional<std::string> {
    std::string value = read_variable(service.directory, name);
    return value.empty() ? std::nullopt : std::optional(std::move(value));
  });
}

bool is_smtp_service(const std::string& directory) {
  const auto service = read_smtp_service(directory);
  if (!service) return false;
  const auto line = find_run_greyip(service->run);
  if (line || service->greyip) return true;
  const SmtpRun run = read_run(*service);
  if (run.asks) return true;
  const std::string path = text_of(run.cdb);
  if (path.empty()) return false;
  const auto file = read_rules(path);
  return file && file->text.find("GREYIP=") != std::string::npos;
}

Result<Findings> check_smtp_service(const std::string& directory, const std::string& greyip,
                                    const Manner& manner) {
  const auto service = read_smtp_service(directory);
  if (!service) return tl::make_unexpected(service.error());
  Findings findings;
  findings.subject = directory;
  const SmtpRun run = read_run(*service);
  const auto line = find_run_greyip(service->run);
  if (line && !line->ours) {
    findings.note("greyip-by-hand", service->run_path + ", line " + std::to_string(line->line) +
                                        ": sets GREYIP in a way of its own, which is not checked");
    judge_asker(*service, run, findings);
    return findings;
  }
  const GreyipInForce present = greyip_in_force(*service);
  const Asker asker{read_variable(directory, "GREYKEYFILE"), service->run};
  const std::string remedy =
      greyip_to_set(greyip, present.value) + " --service=" + service->directory;
  if (!line && !present.value.empty() && !reads_variables(service->run)) {
    findings.wrong("variables-unread",
                   service->run_path + " does not read variables/, so GREYIP there has no effect",
                   remedy + " --run", service->run_path);
  }
  if (!present.value.empty() || (run.cdb.empty() && !run.cdb_unknown)) {
    judge_greyip(present.value, greyip, asker, present.where, remedy, manner, findings);
    if (const auto file = rules_beside(run.cdb, manner)) judge_cdb(*file, findings);
  } else {
    judge_rules_of(*service, run, greyip, asker, manner, findings);
  }
  judge_asker(*service, run, findings);
  return findings;
}

Result<Findings> check_rules_file(const TargetPath& target, const std::string& match,
                                  const std::string& greyip, const Manner& manner) {
  const std::string path = manner.destdir.at(target);
  const auto file = read_rules(path);
  if (!file) return tl::make_unexpected(file.error());
  Findings findings;
  findings.subject = file->path;
  judge_rules_text(*file, match, greyip, {}, manner, findings);
  if (manner.destdir.is_this_machine() && match.empty()) judge_readers(*file, findings);
  return findings;
}

}  // namespace grey::svctool
