#include "greyd/imports/postgrey_reader.h"

#include <algorithm>
#include <utility>

#include "greyd/imports/hex.h"
#include "greyd/imports/line_reader.h"

namespace grey::imports {
namespace {

constexpr std::size_t kHash = 40;  // hexadecimal digits of SHA-1

// A line of db_dump(1): printable octets as they are, "\\", others as "\0d"; or all as two digits.
std::optional<std::string> decode(std::string_view text, bool printable) {
  std::string octets;
  if (!printable) return append_hex(octets, text) ? std::optional(octets) : std::nullopt;
  while (!text.empty()) {
    const std::size_t plain = std::min(text.find('\\'), text.size());
    octets += text.substr(0, plain);
    text.remove_prefix(plain);
    if (text.starts_with("\\\\")) {
      octets += '\\';
      text.remove_prefix(2);
    } else if (!text.empty()) {
      if (text.size() < 3 || !append_hex(octets, text.substr(1, 2))) return std::nullopt;
      text.remove_prefix(3);
    }
  }
  return octets;
}

struct Triplet {
  std::string_view client, sender, recipient;
};
// Of "client/sender/recipient" the client may have its length behind a '/' of its own, and local
// parts may have some; no domain does. So a sender goes up to the first '/' behind its '@'.
std::optional<Triplet> split_triplet(std::string_view key) {
  std::size_t end = key.find('/');
  if (end == std::string_view::npos) return std::nullopt;
  const std::string_view rest = key.substr(end);
  for (const std::string_view whole : {"/32/", "/128/"}) {
    if (rest.starts_with(whole)) end += whole.size() - 1;
  }
  const std::string_view pair = key.substr(end + 1);
  std::size_t slash = pair.find('/');
  if (slash == std::string_view::npos) return std::nullopt;
  const std::size_t at = slash == 0 ? 0 : pair.find('@');
  if (at != std::string_view::npos) {
    if (const auto behind = pair.find('/', at); behind != std::string_view::npos) slash = behind;
  }
  return Triplet{key.substr(0, end), pair.substr(0, slash), pair.substr(slash + 1)};
}

struct Pair {
  Seconds first = 0, second = 0;
};
// "first,second", and what an old postgrey has behind that.
std::optional<Pair> read_pair(std::string_view value, std::string_view& rest) {
  const std::size_t comma = value.find(',');
  if (comma == std::string_view::npos) return std::nullopt;
  const std::size_t end = std::min(value.find(',', comma + 1), value.size());
  const auto first = read_number<Seconds>(value.substr(0, comma));
  const auto second = read_number<Seconds>(value.substr(comma + 1, end - comma - 1));
  if (!first || !second || *first < 0 || *second < 0) return std::nullopt;
  rest = value.substr(std::min(end + 1, value.size()));
  return Pair{*first, *second};
}

class PostgreyReader : public LineReader {
 public:
  PostgreyReader(std::string name, const Settings& settings, Visit visit)
      : LineReader(std::move(name), std::move(visit)), settings_(settings) {}

 private:
  enum class State : std::uint8_t { outside, header, key, value };

  void on_line(std::string_view line) override {
    switch (state_) {
      case State::outside:
        if (line.empty()) return;
        if (!line.starts_with("VERSION=")) return fail("is not where a dump begins");
        state_ = State::header;
        printable_ = false;
        return;
      case State::header:
        return on_header(line);
      case State::key:
        if (line == "DATA=END") return void(state_ = State::outside);
        break;
      case State::value:
        break;
    }
    if (!line.starts_with(' ')) return fail("is no line of a dump's data");
    auto octets = decode(line.substr(1), printable_);
    if (!octets) return fail("is no line of a dump's data");
    if (state_ == State::key) {
      key_ = std::move(*octets);
      state_ = State::value;
    } else {
      state_ = State::key;
      on_pair(*octets);
    }
  }

  void on_header(std::string_view line) {
    if (line == "format=print") printable_ = true;
    if (line == "HEADER=END") state_ = State::key;
    if (line.find('=') == std::string_view::npos) fail("is no line of a dump's header");
  }

  void on_last_line() override {
    if (state_ != State::outside) fail("the dump has no end: it has been cut");
  }

  void on_pair(std::string_view value) {
    std::string_view host;
    const auto pair = read_pair(value, host);
    if (!pair) return fail("is no value of postgrey's");
    if (key_.size() == kHash &&
        std::all_of(key_.begin(), key_.end(), [](char c) { return hex_digit(c) >= 0; })) {
      return give(Skip{Reason::hashed, key_});
    }
    if (const auto triplet = split_triplet(key_)) return on_triplet(*triplet, *pair, host);
    const auto ip = Ip::parse(key_);
    if (!ip) return give(Skip{Reason::no_address, key_});
    Record record;
    record.record_class = RecordClass::client;
    record.client = network_of(*ip);
    record.seen = pair->second;
    if (pair->first < Seconds{settings_.postgrey_auto_whitelist}) {
      record.passes = unsigned(pair->first);
    }
    give(record);
  }

  void on_triplet(const Triplet& triplet, const Pair& pair, std::string_view host) {
    const auto client = client_of(triplet.client, host);
    if (!client) return give(Skip{Reason::no_address, triplet.client});
    if (!may_be_kept(triplet.sender) || !may_be_kept(triplet.recipient)) {
      return give(Skip{Reason::no_octets, triplet.recipient});
    }
    const bool passed = pair.second - pair.first >= settings_.postgrey_delay;
    Record record;
    record.record_class = passed ? RecordClass::passed : RecordClass::waiting;
    record.client = *client;
    record.sender = triplet.sender;
    record.recipient = triplet.recipient;
    record.seen = passed ? pair.second : pair.first;
    give(record);
  }

  // "192.0.2.1/32"; "192.0.2.0", a network where no bit behind its length is set; "192.0.2", whose
  // last host an old postgrey has in the value.
  std::optional<Network> client_of(std::string_view text, std::string_view host) const {
    if (text.find('/') != std::string_view::npos) return read_client(text);
    const auto ip = Ip::parse(text);
    if (!ip) {
      const std::string dot = text.ends_with('.') || host.starts_with('.') ? "" : ".";
      const auto whole =
          host.empty() ? std::nullopt : Ip::parse(std::string(text) + dot + std::string(host));
      return whole ? network_of(*whole) : read_client(text);
    }
    const unsigned bits =
        ip->is_v4() ? Ip::kV4Bits + settings_.postgrey_ipv4_prefix : settings_.postgrey_ipv6_prefix;
    return Network{*ip, ip->network(bits) == *ip ? bits : 128};
  }

  Settings settings_;
  State state_ = State::outside;
  bool printable_ = false;
  std::string key_;
};

}  // namespace

std::unique_ptr<Reader> postgrey_reader(std::string name, const Settings& settings, Visit visit) {
  return std::make_unique<PostgreyReader>(std::move(name), settings, std::move(visit));
}

}  // namespace grey::imports
