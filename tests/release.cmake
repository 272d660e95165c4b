# What is handed out besides the packages: the container's image.
if(NOT GREY_SANITIZE) # as those that need namespaces
  add_test(NAME container_test
           COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/e2e/container_test.sh ${CMAKE_BINARY_DIR})
  set_tests_properties(container_test PROPERTIES SKIP_RETURN_CODE 77 TIMEOUT 300)
endif()
