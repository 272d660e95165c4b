// What the daemon is asked in the course of a session.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace grey::smtp {

struct Question {
  std::string client;  // the address that XCLIENT gave; empty: the one that tcpserver gave
  // The name that XCLIENT gave, empty for none; unset: the one that tcpserver gave.
  std::optional<std::string> client_name;
  std::string sender;
  std::string recipients;             // 'T' address NUL for each, as greylist_query wants them
  std::optional<std::string> helo{};  // empty: it has said none; unset: that is not known
  bool spoke_early = false;           // before it was greeted
};

// Who decides by the client alone asks with this sender and this recipient.
constexpr std::string_view kAnySender = "*";
constexpr std::string_view kAnyRecipient{"T*\0", 3};

// An empty text accepts, another is the reply that defers: one line without CRLF.
using Decide = std::function<std::string(const Question&)>;

}  // namespace grey::smtp
