# What is handed out besides the packages: the container's image, the source.
add_test(NAME release_test COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/e2e/release_test.sh)
set_tests_properties(release_test PROPERTIES SKIP_RETURN_CODE 77)
if(NOT GREY_SANITIZE) # as those that need namespaces
  add_test(NAME container_test
           COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/e2e/container_test.sh ${CMAKE_BINARY_DIR})
  set_tests_properties(container_test PROPERTIES SKIP_RETURN_CODE 77)
endif()
# What a release has promised by name, of the programs as they are.
add_test(NAME stability_test
         COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/e2e/stability_test.sh ${CMAKE_BINARY_DIR})
