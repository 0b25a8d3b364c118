# SPDX-License-Identifier: Apache-2.0
#
# The functions through which every target of the project is made, so that
# warnings, sanitizers and include rules stand in one place.

find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)
find_package(nlohmann_json 3.10 REQUIRED)
pkg_check_modules(SIMDJSON REQUIRED IMPORTED_TARGET simdjson)
find_package(yaml-cpp REQUIRED)
find_package(OpenSSL REQUIRED)
pkg_check_modules(SQLITE3 REQUIRED IMPORTED_TARGET sqlite3)
pkg_check_modules(MICROHTTPD REQUIRED IMPORTED_TARGET libmicrohttpd)
pkg_check_modules(CURL REQUIRED IMPORTED_TARGET libcurl)
pkg_check_modules(MUNGE IMPORTED_TARGET munge)
find_package(CLI11 REQUIRED)
find_package(spdlog REQUIRED)

# Slurm's headers decide whether plugins and the slurmdbd client can be built.
find_path(SLURM_INCLUDE_DIR slurm/slurm.h)
find_library(SLURM_LIBRARY slurm)

# The folder that Debian's packages of Slurm load plugins from, elsewhere Slurm's own default.
if(CMAKE_LIBRARY_ARCHITECTURE)
  set(sluice_plugin_dir lib/${CMAKE_LIBRARY_ARCHITECTURE}/slurm-wlm)
else()
  set(sluice_plugin_dir ${CMAKE_INSTALL_LIBDIR}/slurm)
endif()
set(SLUICE_PLUGIN_DIR ${sluice_plugin_dir} CACHE STRING "Where Slurm loads plugins from")
cmake_path(ABSOLUTE_PATH SLUICE_PLUGIN_DIR BASE_DIRECTORY ${CMAKE_INSTALL_PREFIX}
           OUTPUT_VARIABLE SLUICE_PLUGIN_FULL_DIR)

add_library(sluice_flags INTERFACE)
target_compile_options(sluice_flags INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow
  # Where it was built is nobody's business, and would make equal builds differ.
  -ffile-prefix-map=${PROJECT_SOURCE_DIR}/= -ffile-prefix-map=${PROJECT_BINARY_DIR}=.
  $<$<COMPILE_LANGUAGE:CXX>:-Wnon-virtual-dtor -Woverloaded-virtual>
  # g++ 12 at -O3 sees an overlap in every "text" + std::string (GCC bug 105651).
  $<$<AND:$<CXX_COMPILER_ID:GNU>,$<VERSION_LESS:$<CXX_COMPILER_VERSION>,13>>:-Wno-restrict>
  $<$<BOOL:${SLUICE_WARNINGS_AS_ERRORS}>:-Werror>)
if(CMAKE_INTERPROCEDURAL_OPTIMIZATION AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # Programs and plugins are optimised as a whole. Tests are linked from the same libraries'
  # ordinary code, as there are a hundred of them.
  target_compile_options(sluice_flags INTERFACE -ffat-lto-objects)
  # The overlap that isn't one, seen once more at link time.
  target_link_options(sluice_flags INTERFACE -Wno-stringop-overflow)
endif()
if(SLUICE_SANITIZE)
  target_compile_options(sluice_flags INTERFACE -fsanitize=${SLUICE_SANITIZE} -fno-omit-frame-pointer)
  target_link_options(sluice_flags INTERFACE -fsanitize=${SLUICE_SANITIZE})
endif()

# A static library of the project. Includes are written from the top of the tree:
# #include "accounting/core/money.hpp".
function(sluice_add_library name)
  cmake_parse_arguments(ARG "" "" "SOURCES;LIBRARIES" ${ARGN})
  add_library(${name} STATIC ${ARG_SOURCES})
  target_include_directories(${name} PUBLIC ${PROJECT_SOURCE_DIR})
  target_link_libraries(${name} PUBLIC ${ARG_LIBRARIES} PRIVATE sluice_flags)
endfunction()

# A program; INSTALL_DIR defaults to bin.
function(sluice_add_program name)
  cmake_parse_arguments(ARG "" "INSTALL_DIR" "SOURCES;LIBRARIES" ${ARGN})
  if(NOT ARG_INSTALL_DIR)
    set(ARG_INSTALL_DIR ${CMAKE_INSTALL_BINDIR})
  endif()
  add_executable(${name} ${ARG_SOURCES})
  target_include_directories(${name} PRIVATE ${PROJECT_SOURCE_DIR})
  target_link_libraries(${name} PRIVATE ${ARG_LIBRARIES} sluice_flags)
  install(TARGETS ${name} RUNTIME DESTINATION ${ARG_INSTALL_DIR})
endfunction()

# A GoogleTest program that CTest runs as one test named after it.
function(sluice_add_test name)
  cmake_parse_arguments(ARG "" "" "SOURCES;LIBRARIES" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  target_include_directories(${name} PRIVATE ${PROJECT_SOURCE_DIR})
  target_link_libraries(${name} PRIVATE ${ARG_LIBRARIES} GTest::gtest_main GTest::gmock sluice_flags)
  if(CMAKE_INTERPROCEDURAL_OPTIMIZATION AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    set_target_properties(${name} PROPERTIES INTERPROCEDURAL_OPTIMIZATION OFF)
    target_link_options(${name} PRIVATE -fno-lto)
  endif()
  add_test(NAME unit.${name} COMMAND ${name} --gtest_brief=1)
endfunction()
