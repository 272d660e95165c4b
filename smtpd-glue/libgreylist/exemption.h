// The variables that keep a session from being asked about, be they set to an empty text. The names
// stand here alone.
#pragma once

namespace grey::glue {

// The server's: this client may relay, as a host of one's own or after it has logged in.
inline constexpr const char* kRelayClient = "RELAYCLIENT";
// The administrator's, in tcp.smtp, say: this client is not greylisted.
inline constexpr const char* kWhitelisted = "WHITELISTED";
inline constexpr const char* kExempting[] = {kRelayClient, kWhitelisted};

}  // namespace grey::glue
