# Two people in a room, audio and video both ways, each with a profile, payload types and ids of his own.
peer 0 profile=gcm128 twcc=5
peer 1 profile=cm128 ipv6=1
peer 2 profile=cm128 ipv6=1 twcc=3
peer 3 profile=gcm256
publication 0 peer=0 kind=audio mid=0 pt=111 ext.mid=4 ext.level=1
publication 1 peer=0 kind=video mid=1 pt=96 rtx=97 ext.mid=4 ext.twcc=5
publication 2 peer=2 kind=video mid=v pt=120 rtx=124 ext.mid=3
subscription 0 publication=0 peer=1 ssrc=0x80000001 pt=109 mid=0 ext.mid=3 ext.level=1
subscription 1 publication=1 peer=1 ssrc=0x80000002 rtx-ssrc=0x80000003 pt=120 rtx=124 nack=1 mid=1 ext.mid=3
subscription 2 publication=2 peer=3 ssrc=0x80000004 pt=96 nack=1 mid=0 ext.mid=4
stream 0 ssrc=0x11 pt=111 index=65530 ts=4294967000 step=480 mid=0 mid-id=4 level-id=1 level=30
stream 1 ssrc=0x22 pt=96 index=100 ts=1000 step=900 mid=1 mid-id=4 twcc-id=5 vp8=1
stream 2 ssrc=0x33 pt=120 index=500 ts=7000 step=900 vp8=1
send 0 stream=0 n=10
send 0 stream=1 n=3
sr 0 ssrc=0x22 ntp=1000 ts=5000
send 0 stream=1 n=4 key=1
send 0 stream=1 lost=1
send 0 stream=1 n=5
send 2 stream=2 n=3 key=1
show
# The viewer lost one packet, and asks for one that we never had either.
nack 1 ssrc=0x80000002 seq=18242
nack 1 ssrc=0x80000002 seq=18243
pli 1 ssrc=0x80000002
pass 500
pli 1 ssrc=0x80000002
pass 1000
show
