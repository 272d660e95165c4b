// A reader of a file of lines.
#pragma once

#include <charconv>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "greyd/imports/reader.h"

namespace grey::imports {

class LineReader : public Reader {
 public:
  using Reader::Reader;
  // A line of more octets than this is given to on_long_line() instead.
  static constexpr std::size_t kMaxLine = 65536;

 protected:
  // A line without its "\n", or "\r\n".
  virtual void on_line(std::string_view line) = 0;
  // Its first kMaxLine octets, before its end is there: who takes it for an error does not read on.
  virtual void on_long_line(std::string_view begin);
  // What is behind the last "\n".
  virtual void on_torn_line(std::string_view line);
  virtual void on_last_line() {}

  std::uint64_t line_number() const { return number_; }  // of the line that is on
  using Reader::fail;
  void fail(std::string_view what) { fail(number_, what); }
  void give(What what) { Reader::give(number_, std::move(what)); }

 private:
  void on_bytes(std::string_view bytes) override;
  void on_end() override;
  void keep(std::string_view part);
  void look_at_length();
  void end_line(std::string_view line);

  std::string begun_;  // of a line that has no end yet, at most kMaxLine + 1 octets
  bool long_ = false;  // it has more, and that is told
  std::uint64_t number_ = 1;
};

// ---- parts of lines ----------------------------------------------------------------------------

// A decimal number that is all of `text`, leading zeros or not.
template <typename Number>
std::optional<Number> read_number(std::string_view text) {
  Number number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

// "<a@example.org>" without its brackets.
inline std::string_view without_brackets(std::string_view address) {
  const bool has = address.size() >= 2 && address.front() == '<' && address.back() == '>';
  return has ? address.substr(1, address.size() - 2) : address;
}

// An address as text that is all of it: "192.0.2.1", "2001:db8::1", parts with leading zeros
// ("192.000.002.001", always decimal); or the first one to three parts of an IPv4 address, which
// are a network, with a '.' behind them or not. Or a network in CIDR.
std::optional<Network> read_client(std::string_view text);
// Of one address.
inline Network network_of(const Ip& ip) {
  return {ip, 128};
}

// Whether an address may be kept: it has no NUL, and is no longer than any can be meant to be.
constexpr std::size_t kMaxOctets = 4096;
inline bool may_be_kept(std::string_view address) {
  return address.size() <= kMaxOctets && address.find('\0') == std::string_view::npos;
}

}  // namespace grey::imports
