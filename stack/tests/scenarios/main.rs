//! Behaviour of one host as a scripted peer sees it, one area a file.

mod support;

mod accecn;
mod adaptive_ack;
mod attacks;
mod autotune;
mod bursts;
mod calls;
mod chaos;
mod choices;
mod close;
mod cookies;
mod data;
mod ecn;
mod fast_open;
mod fast_open_client;
mod handshake;
mod icmp;
mod in_place;
mod keepalive;
mod linux;
mod listener;
mod loss;
mod marking_link;
mod md5;
mod narrow_path;
mod options;
mod pacing;
mod path_mtu;
mod path_probing;
mod sack;
mod settings;
mod time_wait;
mod urgent;
mod user_timeout;
mod window;
