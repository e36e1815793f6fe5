//! Notes: a table of the app's own, beside those of `auth-sea-orm`.

use std::time::{SystemTime, UNIX_EPOCH};

use auth_core::UserId;
use sea_orm::{
    ActiveModelTrait as _, ColumnTrait as _, ConnectOptions, ConnectionTrait as _, Database, DatabaseConnection, DbErr,
    EntityTrait as _, PaginatorTrait as _, QueryFilter as _, QueryOrder as _, Schema, Set,
};
use serde::{Deserialize, Serialize};

mod entity {
    use sea_orm::entity::prelude::*;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel, serde::Serialize, utoipa::ToSchema)]
    #[schema(as = Note)]
    #[sea_orm(table_name = "note")]
    pub struct Model {
        #[sea_orm(primary_key)]
        pub id: i64,
        #[serde(skip)]
        pub owner: String,
        pub text: String,
        pub created_at: i64,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

/// A note as its owner sees it: `id`, `text`, `created_at` in milliseconds.
pub type Note = entity::Model;

/// A note to be written.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
pub struct NewNote {
    /// What it says.
    pub text: String,
}

/// How many notes there are, for admins.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Count {
    /// All notes of all users.
    pub notes: u64,
}

/// The table of notes. Every method takes the owner: nobody reaches the notes of others.
#[derive(Debug, Clone)]
pub struct Notes(DatabaseConnection);

impl Notes {
    /// Opens the table, and makes it when it is not there.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn open(database_url: &str) -> Result<Self, DbErr> {
        let mut options = ConnectOptions::new(database_url);
        options.sqlx_logging(false);
        let db = Database::connect(options).await?;
        let create = Schema::new(db.get_database_backend()).create_table_from_entity(entity::Entity);
        db.execute(create.to_owned().if_not_exists()).await?;
        Ok(Self(db))
    }

    /// Writes a note.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn create(&self, owner: &UserId, note: NewNote) -> Result<Note, DbErr> {
        let created_at = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
        let note = entity::ActiveModel {
            owner: Set(owner.to_string()),
            text: Set(note.text),
            created_at: Set(i64::try_from(created_at).unwrap_or_default()),
            ..Default::default()
        };
        note.insert(&self.0).await
    }

    /// The owner's notes, newest first.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn list(&self, owner: &UserId) -> Result<Vec<Note>, DbErr> {
        let mine = entity::Column::Owner.eq(owner.as_str());
        entity::Entity::find().filter(mine).order_by_desc(entity::Column::Id).all(&self.0).await
    }

    /// Removes a note of the owner's; `false` when there is no such note.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn delete(&self, owner: &UserId, id: i64) -> Result<bool, DbErr> {
        let (this, mine) = (entity::Column::Id.eq(id), entity::Column::Owner.eq(owner.as_str()));
        Ok(entity::Entity::delete_many().filter(this).filter(mine).exec(&self.0).await?.rows_affected > 0)
    }

    /// How many notes there are.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn count(&self) -> Result<Count, DbErr> {
        Ok(Count { notes: entity::Entity::find().count(&self.0).await? })
    }
}
