// Included before all else where musl is linked: libstdc++'s headers were configured for glibc, and
// ask for two names of it.
#pragma once

// NOLINTBEGIN(bugprone-reserved-identifier): the names are what is asked for
#define __GLIBC_PREREQ(major, minor) 0
#define __locale_t locale_t
// NOLINTEND(bugprone-reserved-identifier)
