// SPDX-License-Identifier: Apache-2.0
#include "gate.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>

bool gate_open(struct gate *gate, struct loop *loop)
{
	TAILQ_INIT(&gate->guests);
	gate->poller = poller_create(loop);
	return gate->poller != NULL;
}

void gate_close(struct gate *gate)
{
	poller_destroy(gate->poller);
	gate->poller = NULL;
}

static void guest_pass(struct gate_guest *guest)
{
	struct gate *gate = guest->gate;

	gate_leave(guest);
	gate->passes(guest->context);
}

static void guest_fail(struct gate_guest *guest)
{
	struct gate *gate = guest->gate;

	gate_leave(guest);
	gate->fails(guest->context);
}

static void guest_answered(void *context)
{
	guest_pass(context);
}

static bool guest_asks(struct gate_guest *guest, const char *bytes, size_t length)
{
	struct head *head = malloc(sizeof(*head));
	bool waits = false;

	if (head && head_read(bytes, length, head)) {
		head->request.rehearsal = true;
		waits = guest->gate->asks(guest->context, &head->request, &guest->waiter);
	}
	free(head);
	return waits;
}

static void readable_above(int fd, int bytes)
{
	setsockopt(fd, SOL_SOCKET, SO_RCVLOWAT, &(int){bytes + 1}, sizeof(int));
}

// Looks at what has come. Returns false when more must come.
static bool guest_looks(struct gate_guest *guest)
{
	char bytes[HEAD_BYTES_MAX];
	ssize_t got = recv(guest->entry.fd, bytes, sizeof(bytes), MSG_PEEK | MSG_DONTWAIT);
	size_t length = got > 0 ? head_length(bytes, (size_t)got) : 0;

	if ((got < 0 && errno == EAGAIN) || (got > 0 && !length && got < (ssize_t)sizeof(bytes))) {
		readable_above(guest->entry.fd, got > 0 ? (int)got : 0);
		return false;
	}
	readable_above(guest->entry.fd, 0);
	if (!length || !guest_asks(guest, bytes, length)) {
		guest_pass(guest);
		return true;
	}
	poller_forget(guest->gate->poller, &guest->entry); // it stays readable
	return true;
}

static void guest_ready(void *context, uint32_t)
{
	guest_looks(context);
}

void gate_enter(struct gate *gate, struct gate_guest *guest)
{
	guest->gate = gate;
	guest->entry.ready = guest_ready;
	guest->entry.context = guest;
	guest->waiter = (struct hook_waiter){.answered = guest_answered, .context = guest};
	TAILQ_INSERT_TAIL(&gate->guests, guest, at_gate);
	if (!guest_looks(guest) && poller_watch(gate->poller, &guest->entry, EPOLLIN))
		guest_fail(guest);
}

void gate_leave(struct gate_guest *guest)
{
	if (!guest->gate)
		return;
	poller_forget(guest->gate->poller, &guest->entry);
	hook_forget(&guest->waiter);
	TAILQ_REMOVE(&guest->gate->guests, guest, at_gate);
	guest->gate = NULL;
}

void gate_tick(struct gate *gate, uint64_t now_ms)
{
	struct gate_guest *guest, *next;

	for (guest = TAILQ_FIRST(&gate->guests); guest; guest = next) {
		next = TAILQ_NEXT(guest, at_gate);
		if (!guest->waiter.waits && now_ms - guest->since_ms >= GATE_HEAD_S * 1000)
			guest_fail(guest);
	}
}
