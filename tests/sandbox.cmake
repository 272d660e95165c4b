# What the programs give up: tried in the real processes.
add_library(forbidden SHARED e2e/forbidden.c)
target_compile_options(forbidden PRIVATE -D_GNU_SOURCE -fno-sanitize=all)
target_link_options(forbidden PRIVATE -fno-sanitize=all)
target_link_libraries(forbidden PRIVATE dl)
add_test(NAME sandbox_test
         COMMAND perl ${CMAKE_CURRENT_SOURCE_DIR}/e2e/sandbox_test.pl $<TARGET_FILE:qmail-greyd>
                 $<TARGET_FILE:greyctl> $<TARGET_FILE:forbidden>)
