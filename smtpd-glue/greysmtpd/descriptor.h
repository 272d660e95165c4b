// Reading and writing of descriptors that may be shared with other processes (the client's
// connection), and so are not set non-blocking.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <string_view>

namespace grey::smtp {

// One read, which poll(2) has announced; as read(2).
ssize_t read_once(int fd, char* buffer, std::size_t size);

// One write, which poll(2) has announced; as write(2).
ssize_t write_once(int fd, std::string_view bytes);

// `error` only means that there is nothing to be had at the moment.
bool would_block(int error);

}  // namespace grey::smtp
