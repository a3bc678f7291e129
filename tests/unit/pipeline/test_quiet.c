// SPDX-License-Identifier: Apache-2.0
// While packets pass, workers take no memory, no lock, and ask nothing of the kernel; nor do they log,
// which would be a write. Counted while worker_step runs, after one round in which streams were learned:
// allocation and locks by functions that stand in front of libc's, system calls by a trap of the kernel.
#include "pipeline/stage.h"
#include "replay/crowd.h"

#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#include <cmocka.h>

enum { WORKERS = 4, RECEIVERS = 40 };

static struct crowd crowd;

// ---- counting -------------------------------------------------------------------------------------

static volatile uint8_t trapping; // what the kernel looks at: 0 = system calls pass, 1 = they trap
static bool watching, can_trap;
static unsigned allocations, locks, calls;
static int last_call;

static void watch(bool on)
{
	watching = on;
	trapping = on && can_trap;
}

// From the first call on the kernel lets them pass, until the next turn.
static void trapped(int, siginfo_t *info, void *context)
{
	trapping = 0;
	calls++;
	last_call = info->si_syscall;
	((ucontext_t *)context)->uc_mcontext.gregs[REG_RAX] = -ENOSYS;
}

static void trap_open(void)
{
	const struct sigaction action = {.sa_sigaction = trapped, .sa_flags = SA_SIGINFO};
	sigaction(SIGSYS, &action, NULL);
	can_trap = prctl(PR_SET_SYSCALL_USER_DISPATCH, PR_SYS_DISPATCH_ON, 0, 0, &trapping) == 0;
}

static void trap_close(void)
{
	if (can_trap)
		prctl(PR_SET_SYSCALL_USER_DISPATCH, PR_SYS_DISPATCH_OFF, 0, 0, 0);
	can_trap = false;
}

#ifdef __SANITIZE_ADDRESS__
enum { CAN_STAND_IN_FRONT = 0 }; // the sanitizer does already
#else
enum { CAN_STAND_IN_FRONT = 1 };

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *memory, size_t size);
void *__libc_memalign(size_t alignment, size_t size);
void __libc_free(void *memory);

void *malloc(size_t size)
{
	allocations += watching;
	return __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
	allocations += watching;
	return __libc_calloc(count, size);
}

void *realloc(void *memory, size_t size)
{
	allocations += watching;
	return __libc_realloc(memory, size);
}

void *aligned_alloc(size_t alignment, size_t size)
{
	allocations += watching;
	return __libc_memalign(alignment, size);
}

int posix_memalign(void **memory, size_t alignment, size_t size)
{
	allocations += watching;
	*memory = __libc_memalign(alignment, size);
	return *memory ? 0 : ENOMEM;
}

void free(void *memory)
{
	allocations += watching && memory;
	__libc_free(memory);
}

// dlsym may take this lock itself.
#define STAND_IN_FRONT(name, type)                                         \
	int name(type *lock)                                               \
	{                                                                  \
		static int (*behind)(type *);                              \
		locks += watching;                                         \
		if (!behind)                                               \
			behind = (int (*)(type *))dlsym(RTLD_NEXT, #name); \
		return behind(lock);                                       \
	}
STAND_IN_FRONT(pthread_mutex_lock, pthread_mutex_t)
STAND_IN_FRONT(pthread_mutex_trylock, pthread_mutex_t)
STAND_IN_FRONT(pthread_rwlock_rdlock, pthread_rwlock_t)
STAND_IN_FRONT(pthread_rwlock_wrlock, pthread_rwlock_t)
#endif

// ---- what passes ----------------------------------------------------------------------------------

static void see(void *context, unsigned queue, const uint8_t *frame, size_t length)
{
	bool was = watching;
	watch(false);
	crowd_see(context, queue, frame, length);
	watch(was);
}

static void turns(unsigned ms)
{
	struct world *world = &crowd.world;
	for (unsigned i = 0; i < ms; i++) {
		world->now_ns += MS;
		plain_set_now_ns(world->now_ns);
		for (unsigned handled = 1; handled > 0;) {
			handled = 0;
			for (unsigned w = 0; w < world->workers; w++) {
				watch(true);
				handled += worker_step(world->worker[w], world->now_ns);
				watch(false);
			}
		}
	}
}

// By a queue of another worker than the publisher's own.
static void publish(bool key, bool lost)
{
	uint32_t transport = crowd.publisher.transport;
	crowd.publisher.transport++;
	stream_send(&crowd.world, &crowd.publisher, &crowd.video, key, lost);
	crowd.publisher.transport = transport;
	turns(10);
}

static void publisher_reports(void)
{
	uint8_t data[256];
	struct span_writer writer = span_writer(data, sizeof(data));
	const struct rtcp_sender_info info = {.ssrc = crowd.video.ssrc,
		.ntp = io_ntp(crowd.world.now_ns),
		.timestamp = crowd.video.timestamp};
	rtcp_write_sr(&writer, &info, NULL, 0);
	rtcp_write_cname(&writer, crowd.video.ssrc, "publisher");
	peer_send_rtcp(&crowd.world, &crowd.publisher, data, span_written(&writer));
	turns(1);
}

// All that a browser may say of what it gets: losses, key frames, its reports.
static void receivers_speak(void)
{
	for (unsigned r = 0; r < RECEIVERS; r++) {
		uint8_t data[512];
		struct span_writer writer = span_writer(data, sizeof(data));
		const struct rtcp_report_block block = {.ssrc = crowd_ssrc(r), .fraction_lost = 9};
		const uint16_t missed[] = {
			(uint16_t)(crowd.got[r].first + crowd.got[r].packets - 2),
			(uint16_t)(crowd.got[r].first + crowd.got[r].packets + 90)};
		rtcp_write_rr(&writer, 1 + r, &block, 1);
		rtcp_write_cname(&writer, 1 + r, "receiver");
		rtcp_write_nack(&writer, 1 + r, crowd_ssrc(r), missed, 2);
		rtcp_write_pli(&writer, 1 + r, crowd_ssrc(r));
		rtcp_write_fir(&writer, 1 + r, crowd_ssrc(r), (uint8_t)crowd.got[r].packets);
		crowd_feedback(&crowd, r, &writer);
	}
	turns(1);
}

static void junk_comes_in(void)
{
	static const uint8_t stun[20] = {0, 1, 0, 0, 0x21, 0x12, 0xA4, 0x42};
	uint8_t junk[64] = {0x80, 96};
	struct peer stranger = {.row.paths[0] = crowd.publisher.row.paths[0]};
	stranger.row.paths[0].remote.port = 5;
	peer_push(&crowd.world, &crowd.publisher, junk, sizeof(junk)); // forged
	peer_push(&crowd.world, &crowd.publisher, stun, sizeof(stun));
	peer_push(&crowd.world, &stranger, junk, sizeof(junk));
	plain_memory_push(0, 0, junk, sizeof(junk)); // not even IP
	turns(1);
}

static void round_run(void)
{
	publish(true, false);
	for (unsigned i = 0; i < 100; i++) {
		publish(i % 33 == 7, i % 20 == 9);
		if (i % 10 == 5)
			receivers_speak();
	}
	publisher_reports();
	junk_comes_in();
	turns(1200); // reports of all kinds are due
}

static void rounds_open(void)
{
	crowd_open(&crowd, WORKERS, RECEIVERS);
	crowd.astray = 1;
	plain_memory_see_tx(0, see, &crowd);
	round_run(); // streams are learned, pages are touched
	allocations = locks = calls = 0;
}

static uint64_t total(size_t offset)
{
	uint64_t sum = 0;
	for (unsigned w = 0; w < WORKERS; w++)
		sum += *(const uint64_t *)((const uint8_t *)&crowd.world.observed->workers[w] +
					   offset);
	return sum;
}

#define TOTAL(member) total(offsetof(struct sluice_worker_status, member))

// What was counted is worth something only if all of this was on its way.
static void rounds_close(void)
{
	assert_true(TOTAL(media_out) > 2 * 95 * RECEIVERS);
	assert_true(TOTAL(resent) > 0 && TOTAL(nacks_in) > 0 && TOTAL(nacks_out) > 0);
	assert_true(TOTAL(key_requests_in) > 0 && TOTAL(key_requests_out) > 0);
	assert_true(TOTAL(rtcp_in) > 0 && TOTAL(rtcp_out) > 0);
	assert_true(TOTAL(handed_over) > 0 && TOTAL(punted) > 0);
	assert_true(TOTAL(drops[SLUICE_DROP_auth_failed]) > 0);
	assert_int_equal(crowd.refused, 0);
	crowd_close(&crowd);
}

static void no_memory_and_no_lock_is_taken(void **)
{
	if (!CAN_STAND_IN_FRONT) {
		print_message("malloc belongs to the address sanitizer in this build\n");
		skip();
	}
	rounds_open();
	if (strncmp(srtp_backend(), "libsrtp2", 8) == 0) {
		print_message("%s takes memory for each packet of RTCP\n", srtp_backend());
		crowd_close(&crowd);
		skip();
	}
	round_run();
	assert_int_equal(allocations, 0);
	assert_int_equal(locks, 0);
	rounds_close();
}

static void the_kernel_is_not_called(void **)
{
	trap_open();
	if (!can_trap) {
		print_message("this kernel has no system call user dispatch (Linux 5.11, x86)\n");
		skip();
	}
	rounds_open();
	round_run();
	if (calls > 0)
		print_message("system call %d\n", last_call);
	assert_int_equal(calls, 0);
	rounds_close();
	trap_close();
}

// The traps themselves.
static void what_is_done_is_noticed(void **)
{
	static volatile unsigned seen;
	pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	trap_open();
	allocations = locks = calls = 0;
	watch(true);
	void *volatile memory = malloc(100);
	free(memory);
	pthread_mutex_lock(&lock);
	seen = (unsigned)syscall(SYS_getppid);
	watch(false);
	pthread_mutex_unlock(&lock);
	if (CAN_STAND_IN_FRONT) {
		assert_int_equal(allocations, 2);
		assert_int_equal(locks, 1);
	}
	if (can_trap) {
		assert_int_equal(calls, 1);
		assert_int_equal(last_call, SYS_getppid);
	}
	trap_close();
	assert_true(seen != 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_done_is_noticed),
		cmocka_unit_test(no_memory_and_no_lock_is_taken),
		cmocka_unit_test(the_kernel_is_not_called),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
