// SPDX-License-Identifier: Apache-2.0
// What the tests of sluice-pktgen share: a directory of their own, endpoints, a session.
#pragma once

#include "endpoint.h"
#include "session.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char support_directory[64];
__attribute__((unused)) static char support_why[512];

static inline int support_begin(void **)
{
	snprintf(support_directory, sizeof(support_directory), "/tmp/test_pktgen.XXXXXX");
	return mkdtemp(support_directory) ? 0 : -1;
}

static inline int support_end(void **)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -r %s", support_directory);
	return system(command);
}

static inline const char *support_path(const char *name)
{
	static char path[2][128];
	static unsigned next;

	next ^= 1;
	snprintf(path[next], sizeof(path[next]), "%s/%s", support_directory, name);
	return path[next];
}

static inline struct endpoint support_endpoint(const char *text, uint8_t mac)
{
	struct endpoint endpoint = {.mac = {2, 0, 0, 0, 0, mac}};

	assert_true(endpoint_read(text, &endpoint));
	return endpoint;
}

static inline struct session_plan support_plan(void)
{
	struct session_plan plan = {.room = "r",
		.relay = support_endpoint("10.0.0.1:7000", 1),
		.publishers = {.port_low = 40000, .port_high = 40010},
		.subscribers = {.port_low = 41000, .port_high = 41010},
		.profile = SLUICE_SRTP_AEAD_AES_128_GCM,
		.publishers_count = 2,
		.subscribers_count = 3};

	assert_true(endpoint_read_network("10.0.0.2", &plan.publishers));
	assert_true(endpoint_read_network("10.0.0.4/31", &plan.subscribers));
	return plan;
}
