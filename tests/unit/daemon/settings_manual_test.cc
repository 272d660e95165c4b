// The man pages and --help of daemon and svctool against the table of settings: what one of them
// says of a setting, the table says, and no option is in only one of the two.
#include <doctest/doctest.h>

#include <fstream>
#include <set>
#include <sstream>

#include "greyd/base/settings_table.h"
#include "greyd/options.h"
#include "greyd/wire/endpoint.h"
#include "svctool/cli/options.h"

using namespace grey;

namespace {

// An entry of a list in a page: the options that stand before it, and its words as they are read.
struct Item {
  std::set<std::string> options;
  std::string variable, text;
};

struct Page {
  std::string name;
  std::vector<Item> items;
};

// "Fl -min-resend Ns = Ns Ar minutes , Fl m" -> --min-resend, -m
void take_heading(const std::string& line, Item& item) {
  std::istringstream words(line);
  std::string before;
  for (std::string word; words >> word; before = word) {
    if (before == "Fl") item.options.insert("-" + word);
    if (before == "Ev") item.variable = word;
  }
}

// Of mdoc(7) what these pages use: a request's name is no word, the rest of its line is.
std::string words_of(std::string line) {
  if (line.starts_with('.')) line.erase(0, line.find(' ') + 1);
  return line + " ";
}

// The items between two sections.
Page read_page(const std::string& path, const std::string& from, const std::string& to) {
  Page page{path, {}};
  std::ifstream file(TEST_DATA "/../" + path);
  REQUIRE(file);
  bool in_it = false;
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with(".Sh ")) in_it = false;
    if (line == from) in_it = true;
    if (line == to) in_it = false;
    if (!in_it) continue;
    if (line.starts_with(".It Fl ")) {
      page.items.emplace_back();
      take_heading(line, page.items.back());
    } else if (!page.items.empty() && line != ".El") {
      page.items.back().text += words_of(line);
    }
  }
  return page;
}

const Item* find_item(const Page& page, const std::string& option) {
  for (const Item& item : page.items) {
    if (item.options.contains(option)) return &item;
  }
  return nullptr;
}

bool says(const Item& item, const std::string& words) {
  return item.text.find(words) != std::string::npos;
}

// "  -m,--min-resend MINUTES   help": the options; what is indented deeper is their help.
std::set<std::string> options_of(const std::string& help) {
  std::set<std::string> options;
  std::istringstream lines(help);
  for (std::string line; std::getline(lines, line);) {
    if (!line.starts_with("  -")) continue;
    line = line.substr(2, line.find(' ', 2) - 2);
    std::istringstream names(line);
    for (std::string name; std::getline(names, name, ',');) options.insert(name);
  }
  return options;
}

// In one line: CLI11 breaks long ones.
std::string as_one_line(const std::string& text) {
  std::istringstream words(text);
  std::string line;
  for (std::string word; words >> word;) line += word + " ";
  return line;
}

std::string daemon_help_text() {
  const auto parsed = parse_command_line({"qmail-greyd", "--help"}, "");
  REQUIRE(parsed);
  return parsed->information->text;
}

std::string svctool_help_text() {
  const auto parsed = svctool::parse_command_line({"--help"});
  REQUIRE(parsed);
  return std::get<svctool::PrintText>(parsed->request).text;
}

void check_limits(const Setting& setting, const Item& item) {
  if (setting.kind != Kind::number) return;
  std::string limits = text_of(setting.range);
  limits[0] = 'F';
  CHECK_MESSAGE(says(item, limits), limits << " in " << item.text);
}

// The page tells a word that is the default by "(default)" behind what it means.
void check_default_word(const Setting& setting, const Item& item) {
  const std::string standard(setting.standard);
  const std::size_t at = item.text.find(standard + " ");
  REQUIRE(at != std::string::npos);
  std::string_view choices = setting.choices;
  std::size_t next = std::string::npos;
  while (!choices.empty()) {
    const std::string word(choices.substr(0, choices.find('|')));
    choices.remove_prefix(std::min(word.size() + 1, choices.size()));
    CHECK_MESSAGE(says(item, word), word);
    if (word != standard) next = std::min(next, item.text.find(word + " ", at + standard.size()));
  }
  const std::string meaning = item.text.substr(at, next == std::string::npos ? next : next - at);
  CHECK_MESSAGE(meaning.find("(default)") != std::string::npos, meaning);
}

const Page& daemon_page() {
  static const Page page = read_page("greyd/qmail-greyd.8", ".Sh OPTIONS", ".Sh CLIENTS");
  return page;
}

const Page& svctool_page() {
  static const Page page = read_page("svctool/svctool.8", ".Ss The service", ".Sh EDITS");
  return page;
}

}  // namespace

TEST_CASE("qmail-greyd(8) names each setting with its default and its limits") {
  for (const Setting& setting : all_settings()) {
    if (setting.name.empty()) continue;
    CAPTURE(setting.name);
    const Item* item = find_item(daemon_page(), "--" + std::string(setting.name));
    REQUIRE(item);
    if (!setting.letter.empty()) CHECK(item->options.contains(std::string(setting.letter)));
    check_limits(setting, *item);
    if (setting.kind == Kind::choice) {
      check_default_word(setting, *item);
    } else if (!setting.standard.empty()) {
      CHECK_MESSAGE(says(*item, "Default " + std::string(setting.standard)), item->text);
    } else {
      CHECK_MESSAGE(says(*item, "Default:"), item->text);
    }
    if (!setting.greydaemon.empty() && !setting.greydaemon_fixed) {
      CHECK_MESSAGE(says(*item, "greydaemon " + std::string(setting.greydaemon) + "."), item->text);
    }
  }
}

TEST_CASE("svctool(8) names each setting with its variable, its default and its limits") {
  for (const Setting& setting : all_settings()) {
    if (setting.option.empty() || setting.option == "memory") continue;
    CAPTURE(setting.option);
    const Item* item = find_item(svctool_page(), "--" + std::string(setting.option));
    REQUIRE(item);
    CHECK(item->variable == setting.variable);
    if (setting.option.starts_with("log-")) continue;  // both are described together
    check_limits(setting, *item);
    const std::string_view standard = setting.initial.empty() ? setting.standard : setting.initial;
    if (!standard.empty()) {
      CHECK_MESSAGE(says(*item, "Default " + std::string(standard)), item->text);
    } else if (!setting.otherwise.empty()) {
      CHECK_MESSAGE(says(*item, "Default: " + std::string(setting.otherwise)), item->text);
    }
    if (!setting.alias.empty()) CHECK(says(*item, "-" + std::string(setting.alias)));
  }
  const Item* log = find_item(svctool_page(), "--log-count");
  REQUIRE(log);
  CHECK(says(*log, "From 4096 to 16777215 bytes, and from 2 to 10000 files."));
  CHECK(svctool::log_size_setting().range.high == 16'777'215);
  const Item* memory = find_item(svctool_page(), "--memory");
  REQUIRE(memory);
  CHECK(says(*memory, std::to_string(svctool::memory_setting().range.low)));
}

TEST_CASE("a man page has the options that --help has, and no other") {
  const struct {
    const Page& page;
    std::set<std::string> helps;
  } programs[] = {
      {daemon_page(), options_of(daemon_help_text())},
      {read_page("svctool/svctool.8", ".Ss The service", ""), options_of(svctool_help_text())}};
  for (const auto& program : programs) {
    CAPTURE(program.page.name);
    CHECK(program.helps.size() > 20);
    for (const Item& item : program.page.items) {
      for (const std::string& option : item.options) {
        CHECK_MESSAGE(program.helps.contains(option), option << " is in the page alone");
      }
    }
    for (const std::string& option : program.helps) {
      // Said beside another, or in the synopsis alone.
      const std::set<std::string> elsewhere = {"-h", "--save_interval", "--greylist", "--help",
                                               "--version"};
      if (elsewhere.contains(option) && !find_item(program.page, option)) continue;
      CHECK_MESSAGE(find_item(program.page, option), option << " is in --help alone");
    }
  }
}

TEST_CASE("--help has each setting with the words and the default of the table") {
  const std::string daemon = as_one_line(daemon_help_text());
  const std::string installer = as_one_line(svctool_help_text());
  for (const Setting& setting : all_settings()) {
    if (!setting.name.empty()) {
      CAPTURE(setting.name);
      const std::string heading =
          "--" + std::string(setting.name) + " " + std::string(setting.argument);
      CHECK_MESSAGE(daemon.find(heading) != std::string::npos, heading);
      const std::string help = " " + daemon_help(setting) + " ";
      CHECK_MESSAGE(daemon.find(help) != std::string::npos, help);
    }
    if (!setting.svctool_help.empty()) {
      CAPTURE(setting.option);
      CHECK(installer.find("--" + std::string(setting.option)) != std::string::npos);
      CHECK(installer.find(" " + std::string(setting.svctool_help) + " ") != std::string::npos);
      if (setting.initial.empty()) continue;
      CHECK(installer.find("=" + std::string(setting.initial) + " ") != std::string::npos);
    }
  }
}

TEST_CASE("what is built in elsewhere is what the table says") {
  const Options made;  // by who has no command line
  const auto parsed = parse_command_line({"qmail-greyd", "127.0.0.1", "/c"}, "");
  REQUIRE(parsed);
  const Options& read = parsed->options;
  CHECK(made.policy.min_resend == read.policy.min_resend);
  CHECK(made.policy.resend_window == read.policy.resend_window);
  CHECK(made.policy.timeout == read.policy.timeout);
  CHECK(made.policy.client_passes == read.policy.client_passes);
  CHECK(made.policy.recipients == read.policy.recipients);
  CHECK(made.policy.ipv4_prefix == read.policy.ipv4_prefix);
  CHECK(made.policy.ipv6_prefix == read.policy.ipv6_prefix);
  CHECK(made.policy.sender_key == read.policy.sender_key);
  CHECK(made.policy.recipient_key == read.policy.recipient_key);
  CHECK(made.sync == read.sync);
  CHECK(made.save_interval == read.save_interval);
  CHECK(made.free_interval == read.free_interval);
  CHECK(made.max_records == read.max_records);
  CHECK(made.verbosity == read.verbosity);
  CHECK(made.log_format == read.log_format);
  CHECK(standard_number(setting_named("port")) == kDefaultPort);
}

TEST_CASE("a row of the table is whole") {
  std::set<std::string_view> names, options, variables;
  for (const Setting& setting : all_settings()) {
    CAPTURE(setting.name);
    CAPTURE(setting.option);
    if (!setting.name.empty()) CHECK(names.insert(setting.name).second);
    if (!setting.option.empty()) CHECK(options.insert(setting.option).second);
    if (!setting.variable.empty()) CHECK(variables.insert(setting.variable).second);
    CHECK_FALSE(setting.unit.empty());
    CHECK(setting.name.empty() == setting.help.empty());
    CHECK(setting.name.empty() == setting.argument.empty());
    if (setting.kind == Kind::number) {
      CHECK(setting.range.low < setting.range.high);
      if (!setting.standard.empty()) CHECK(setting.range.holds(standard_number(setting)));
    }
    if (setting.kind != Kind::choice) continue;
    CHECK(is_choice(setting, setting.standard));
    CHECK_FALSE(is_choice(setting, ""));
    CHECK_FALSE(is_choice(setting, setting.choices));
  }
  for (const Setting& setting : service_settings()) {
    CAPTURE(setting.name);
    CHECK_FALSE(setting.name.empty());
    CHECK_FALSE(setting.option.empty());
    CHECK_FALSE(setting.variable.empty());
    CHECK_FALSE(setting.svctool_help.empty());
  }
}
