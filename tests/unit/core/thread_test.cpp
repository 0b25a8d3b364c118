// SPDX-License-Identifier: Apache-2.0
//
// Goal: a thread stays where it is told, as far as it was allowed to be there, and leaves again.
// Method: the kernel is asked where a thread may run and what it is called.

#include "accounting/core/thread.hpp"

#include <gtest/gtest.h>
#include <pthread.h>

#include <array>
#include <string>
#include <thread>

namespace sluice {
namespace {

cpu_set_t allowed() {
  cpu_set_t set;
  CPU_ZERO(&set);
  EXPECT_EQ(pthread_getaffinity_np(pthread_self(), sizeof set, &set), 0);
  return set;
}

int first_of(const cpu_set_t& set) {
  int processor = 0;
  while (!CPU_ISSET(static_cast<std::size_t>(processor), &set)) ++processor;
  return processor;
}

void in_a_thread(void (*body)()) { std::thread(body).join(); }

TEST(Thread, StaysWhereItIsToldAndRoamsAgain) {
  in_a_thread([] {
    const cpu_set_t given = allowed();
    Place place;
    place.roam();
    place.stay_on(first_of(given));
    const cpu_set_t one = allowed();
    EXPECT_EQ(CPU_COUNT(&one), 1);
    EXPECT_EQ(first_of(one), first_of(given));
    place.roam();
    const cpu_set_t again = allowed();
    EXPECT_TRUE(CPU_EQUAL(&again, &given));
  });
}

TEST(Thread, GoesNowhereItWasNotAllowed) {
  in_a_thread([] {
    cpu_set_t one;
    CPU_ZERO(&one);
    const cpu_set_t all = allowed();
    CPU_SET(static_cast<std::size_t>(first_of(all)), &one);
    ASSERT_EQ(pthread_setaffinity_np(pthread_self(), sizeof one, &one), 0);
    Place place;
    for (const int elsewhere : {first_of(all) + 1, -1, CPU_SETSIZE, 1'000'000}) {
      place.stay_on(elsewhere);
      const cpu_set_t now = allowed();
      EXPECT_TRUE(CPU_EQUAL(&now, &one)) << elsewhere;
    }
  });
}

TEST(Thread, HasANameAndALongOneIsCut) {
  in_a_thread([] {
    std::array<char, 16> name{};
    name_thread("admit");
    ASSERT_EQ(pthread_getname_np(pthread_self(), name.data(), name.size()), 0);
    EXPECT_STREQ(name.data(), "admit");
    name_thread("a name of many letters");
    ASSERT_EQ(pthread_getname_np(pthread_self(), name.data(), name.size()), 0);
    EXPECT_STREQ(name.data(), "a name of many ");
  });
}

}  // namespace
}  // namespace sluice
