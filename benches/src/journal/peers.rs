//! Embedded stores, each with its usual settings.

use std::path::Path;

use super::{Durability, EVENT, Store, number};

fn time(event: &[u8]) -> u64 {
    event.get(8..16).and_then(<[u8]>::first_chunk).map_or(0, |time| u64::from_be_bytes(*time))
}

const EVENTS: redb::TableDefinition<'_, u64, &[u8]> = redb::TableDefinition::new("events");

struct Redb {
    database: redb::Database,
    durability: redb::Durability,
}

pub(super) fn redb(place: &Path, durability: Durability) -> Box<dyn Store> {
    let database = redb::Database::create(place.join("redb")).expect("a new directory");
    let durability = match durability {
        Durability::PageCache => redb::Durability::None,
        Durability::Synced => redb::Durability::Immediate,
    };
    Box::new(Redb { database, durability })
}

impl Redb {
    fn sum(&self, range: std::ops::Range<u64>) -> (u64, u64) {
        use redb::ReadableDatabase as _;
        let read = self.database.begin_read().expect("it is open");
        let table = read.open_table(EVENTS).expect("it was written");
        let (mut sum, mut count) = (0, 0);
        for entry in table.range(range).expect("it was written") {
            sum += number(entry.expect("it is as written").1.value());
            count += 1;
        }
        (sum, count)
    }
}

impl Store for Redb {
    fn append(&mut self, events: &[[u8; EVENT]]) {
        let mut write = self.database.begin_write().expect("nobody else writes");
        write.set_durability(self.durability).expect("nothing was written yet");
        let mut table = write.open_table(EVENTS).expect("one table");
        for event in events {
            table.insert(time(event), &event[..]).expect("there is room");
        }
        drop(table);
        write.commit().expect("the disk works");
    }

    fn scan(&mut self) -> u64 {
        self.sum(0..u64::MAX).0
    }

    fn range(&mut self, from_ns: u64, below_ns: u64) -> u64 {
        self.sum(from_ns..below_ns).1
    }
}

struct Fjall {
    database: fjall::Database,
    events: fjall::Keyspace,
    mode: fjall::PersistMode,
}

pub(super) fn fjall(place: &Path, durability: Durability) -> Box<dyn Store> {
    let database = fjall::Database::builder(place.join("fjall")).open().expect("a new directory");
    let events = database.keyspace("events", fjall::KeyspaceCreateOptions::default);
    let mode = match durability {
        Durability::PageCache => fjall::PersistMode::Buffer,
        Durability::Synced => fjall::PersistMode::SyncData,
    };
    Box::new(Fjall { database, events: events.expect("one keyspace"), mode })
}

impl Store for Fjall {
    fn append(&mut self, events: &[[u8; EVENT]]) {
        let mut batch = self.database.batch().durability(Some(self.mode));
        for event in events {
            batch.insert(&self.events, &event[8..16], &event[..]);
        }
        batch.commit().expect("the disk works");
    }

    fn scan(&mut self) -> u64 {
        let events = self.events.iter();
        events.map(|entry| number(&entry.value().expect("it is as written"))).sum()
    }

    fn range(&mut self, from_ns: u64, below_ns: u64) -> u64 {
        let found = self.events.range(from_ns.to_be_bytes()..below_ns.to_be_bytes());
        let numbers = found.map(|entry| number(&entry.value().expect("it is as written")));
        numbers.fold(0, |count, number| {
            std::hint::black_box(number);
            count + 1
        })
    }
}

struct Sqlite {
    connection: rusqlite::Connection,
}

pub(super) fn sqlite(place: &Path, durability: Durability) -> Box<dyn Store> {
    let connection = rusqlite::Connection::open(place.join("sqlite")).expect("a new directory");
    let synchronous = match durability {
        Durability::PageCache => "NORMAL",
        Durability::Synced => "FULL",
    };
    let set_up = format!(
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = {synchronous}; PRAGMA cache_size = -65536;
         CREATE TABLE events (time INTEGER PRIMARY KEY, event BLOB NOT NULL);"
    );
    connection.execute_batch(&set_up).expect("it is new");
    Box::new(Sqlite { connection })
}

impl Sqlite {
    fn sum(&self, from: i64, below: i64) -> (u64, u64) {
        let query = "SELECT event FROM events WHERE time >= ?1 AND time < ?2 ORDER BY time";
        let mut select = self.connection.prepare_cached(query).expect("the table is there");
        let mut rows = select.query([from, below]).expect("the table is there");
        let (mut sum, mut count) = (0, 0);
        while let Some(row) = rows.next().expect("it is as written") {
            let event = row.get_ref(0).expect("one column");
            sum += number(event.as_blob().expect("bytes"));
            count += 1;
        }
        (sum, count)
    }
}

impl Store for Sqlite {
    fn append(&mut self, events: &[[u8; EVENT]]) {
        let write = self.connection.transaction().expect("nobody else writes");
        {
            let insert = "INSERT INTO events VALUES (?1, ?2)";
            let mut insert = write.prepare_cached(insert).expect("the table is there");
            for event in events {
                let values = rusqlite::params![time(event) as i64, &event[..]];
                insert.execute(values).expect("there is room");
            }
        }
        write.commit().expect("the disk works");
    }

    fn scan(&mut self) -> u64 {
        self.sum(0, i64::MAX).0
    }

    fn range(&mut self, from_ns: u64, below_ns: u64) -> u64 {
        self.sum(from_ns as i64, below_ns as i64).1
    }
}
