//! Behaviour of one host as a scripted peer sees it, one area a file.

mod support;

mod attacks;
mod chaos;
mod close;
mod cookies;
mod data;
mod ecn;
mod fast_open;
mod fast_open_client;
mod handshake;
mod icmp;
mod keepalive;
mod listener;
mod loss;
mod md5;
mod narrow_path;
mod options;
mod path_mtu;
mod path_probing;
mod sack;
mod settings;
mod time_wait;
mod urgent;
mod user_timeout;
mod window;
