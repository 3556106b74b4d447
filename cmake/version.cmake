# Writes generated/ashlar_version.inc: the version and the commit that `ashlar --version` names. Made anew at each
# build, rewritten only when it changed.
set(ASHLAR_GENERATED ${CMAKE_BINARY_DIR}/generated)
add_custom_target(ashlar_version_file
  COMMAND ${CMAKE_COMMAND} -DOUT=${ASHLAR_GENERATED}/ashlar_version.inc -DSOURCE=${CMAKE_SOURCE_DIR}
          -DVERSION=${PROJECT_VERSION} -P ${CMAKE_SOURCE_DIR}/cmake/write_version.cmake
  BYPRODUCTS ${ASHLAR_GENERATED}/ashlar_version.inc)
if(TARGET ashlar_core)
  target_include_directories(ashlar_core PRIVATE ${ASHLAR_GENERATED})
  add_dependencies(ashlar_core ashlar_version_file)
endif()
