// SPDX-License-Identifier: Apache-2.0
// The control socket as sluicectl sees it; the verbs are test_ctl_verbs.c's.
#include "edge/ctl.h"
#include "unit/core/world.h"

#include <errno.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static struct world world;
static struct edge_counters counters;
static struct loop *loop;
static struct loop_timer *timer;
static struct ctl *ctl;
static char directory[] = "/tmp/test_ctl.XXXXXX", path[64], why[256];

static int http_nothing(struct lws *, enum lws_callback_reasons, void *, void *, size_t)
{
	return 0;
}

static void ready(void *, struct ready_report *report)
{
	memset(report, 0, sizeof(*report));
}

static void drain(void *, bool)
{
}

static bool is_draining(void *)
{
	return false;
}

static void settle(void *)
{
}

static void time_is_up(void *)
{
	loop_stop(loop);
}

static void run(void)
{
	loop_timer_set(timer, 20, 0);
	loop_run(loop);
}

static int fresh(void **)
{
	struct loop_options options = {.http = http_nothing};
	struct ctl_host host = {.counters = &counters,
		.ready = ready,
		.drain = drain,
		.draining = is_draining,
		.settle = settle};

	world_begin(&world);
	host.core = world.core;
	loop = loop_create(&options, why, sizeof(why));
	timer = loop_timer_create(loop, time_is_up, NULL);
	ctl = ctl_create(loop, directory, &host, why, sizeof(why));
	return ctl ? 0 : -1;
}

static int done(void **)
{
	ctl_destroy(ctl);
	loop_timer_destroy(timer);
	loop_destroy(loop);
	world_end(&world);
	return 0;
}

static int client_open(void)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

static void say(int fd, const char *words)
{
	assert_int_equal(send(fd, words, strlen(words), MSG_NOSIGNAL), strlen(words));
	run();
}

static ssize_t hear(int fd, char *text, size_t size)
{
	ssize_t length = recv(fd, text, size - 1, MSG_DONTWAIT);

	text[length > 0 ? length : 0] = 0;
	return length;
}

static void lines_in_any_pieces(void **)
{
	char text[4096];
	int fd = client_open();
	struct stat status;

	assert_int_equal(stat(path, &status), 0);
	assert_int_equal(status.st_mode & 0777, 0660);
	say(fd, "{\"verb\":");
	assert_int_equal(hear(fd, text, sizeof(text)), -1);
	say(fd, "\"rooms\"}\n{\"verb\":\"peers\"}\nx\n");
	assert_true(hear(fd, text, sizeof(text)) > 0);
	assert_string_equal(text, "{\"ok\":true,\"rooms\":[]}\n{\"ok\":true,\"peers\":[]}\n"
				  "{\"ok\":false,\"error\":\"not a JSON object with a verb\"}\n");
	close(fd);
	run();
}

static void a_line_without_end(void **)
{
	char text[CTL_LINE_MAX + 1];
	int fd = client_open();

	memset(text, 'x', sizeof(text));
	text[CTL_LINE_MAX] = 0;
	say(fd, text);
	assert_int_equal(hear(fd, text, sizeof(text)), 0); // hung up
	close(fd);
}

static void large_answers_come_whole(void **)
{
	static char text[1 << 20];
	size_t heard = 0;
	int fd = client_open(), small = 2048;

	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
	for (unsigned i = 0; i < 32; i++) {
		char name[CORE_NAME_MAX];

		memset(name, 'a' + (int)i % 26, sizeof(name));
		name[sizeof(name) - 1] = 0;
		name[0] = (char)('A' + i % 26);
		name[1] = (char)('A' + i / 26);
		struct core_join join = world_join("demo", name, name);
		struct core_participant_id id;
		bool resumed;

		assert_int_equal(core_join(world.core, &join, &id, &resumed), 0);
	}
	for (unsigned i = 0; i < 40; i++)
		assert_true(send(fd, "{\"verb\":\"peers\"}\n", 17, 0) == 17);
	unsigned lines = 0;

	for (unsigned i = 0; i < 2000 && lines < 40; i++) {
		loop_timer_set(timer, 2, 0);
		loop_run(loop);
		ssize_t got = recv(fd, text, sizeof(text), MSG_DONTWAIT);

		for (ssize_t at = 0; at < got; at++)
			lines += text[at] == '\n';
		heard += got > 0 ? (size_t)got : 0;
	}
	assert_true(heard > 400000);
	assert_int_equal(lines, 40);
	close(fd);
}

static void many_clients(void **)
{
	int fds[CTL_CLIENTS_MAX + 1];
	char text[256];

	for (unsigned i = 0; i <= CTL_CLIENTS_MAX; i++) {
		fds[i] = client_open();
		run();
	}
	assert_int_equal(hear(fds[CTL_CLIENTS_MAX], text, sizeof(text)), 0); // one too many
	close(fds[0]);
	run();
	fds[0] = client_open();
	run();
	say(fds[0], "{\"verb\":\"rooms\"}\n");
	assert_true(hear(fds[0], text, sizeof(text)) > 0);
	for (unsigned i = 0; i <= CTL_CLIENTS_MAX; i++)
		close(fds[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(lines_in_any_pieces, fresh, done),
		cmocka_unit_test_setup_teardown(a_line_without_end, fresh, done),
		cmocka_unit_test_setup_teardown(large_answers_come_whole, fresh, done),
		cmocka_unit_test_setup_teardown(many_clients, fresh, done),
	};

	if (!mkdtemp(directory))
		return 1;
	snprintf(path, sizeof(path), "%s/control.sock", directory);
	int failed = cmocka_run_group_tests(tests, NULL, NULL);

	unlink(path);
	rmdir(directory);
	return failed;
}
