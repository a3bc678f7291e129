// SPDX-License-Identifier: Apache-2.0
#include "result.h"

static uint64_t take(uint64_t *from, uint64_t wanted)
{
	uint64_t taken = *from < wanted ? *from : wanted;

	*from -= taken;
	return taken;
}

void result_split(struct result *result)
{
	uint64_t lost = result->lost;

	result->loss.in_tester = take(&lost, result->overflows);
	result->loss.wrong_checksum = take(&lost, result->checksum_errors);
	result->loss.not_decrypted = take(&lost, result->tally.decrypt_failed);
	result->loss.corrupt = take(&lost, result->tally.corrupt);
	result->loss.never_arrived = lost;
}

bool result_flawless(const struct result *result)
{
	const struct tally *tally = &result->tally;
	bool all_joined = !tally->clients_failed && !result->interrupted;
	bool all_stayed = !tally->connections_lost && !tally->consents_lost && !tally->sockets_lost;
	bool all_whole = !tally->decrypt_failed && !tally->replayed && !tally->malformed &&
			 !tally->corrupt && !tally->duplicates && !tally->rtcp_failed;
	bool all_came = !result->lost && !result->streams_silent &&
			(result->expected || !result->options->subscribers);

	return all_joined && all_stayed && all_whole && all_came;
}

const struct saturation *result_saturation(const struct result *result)
{
	return &result->steps[0].saturation;
}

double result_memory_per_client(const struct result *result)
{
	uint64_t joined = result->tally.publishers_joined + result->tally.subscribers_joined;
	double before = (double)result->relay_memory_before_bytes;

	return joined ? ((double)result->steps[0].relay_memory_bytes - before) / (double)joined : 0;
}

int result_status(const struct result *result)
{
	const struct tally *tally = &result->tally;

	if (result_saturation(result)->reasons_used)
		return 3;
	if (!tally->publishers_joined ||
		(result->options->subscribers && !tally->subscribers_joined))
		return 1;
	return result->options->require_zero_loss && !result_flawless(result) ? 1 : 0;
}
