# What the documentation says, done as it says it; and --help of everything.
add_test(NAME help_test
         COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/e2e/help_test.sh ${CMAKE_BINARY_DIR})
